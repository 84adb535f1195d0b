// A cache reader that nobody here wrote, on a store that ModelOps filled without a hub. Prints what it saw as JSON; the test compares.
// node scan.mjs CACHE
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import { scanCacheDir } from "@huggingface/hub";

console.debug = () => {};
const cache = await scanCacheDir(process.argv[2]);
const repos = [];
for (const found of cache.repos) {
	for (const revision of found.revisions) {
		const files = {};
		for (const file of revision.files) files[relative(revision.path, file.path).replaceAll("\\", "/")] = createHash("sha256").update(await readFile(file.path)).digest("hex");
		repos.push({ name: found.id.name, commit: revision.commitOid, refs: revision.refs, files });
	}
}
console.log(JSON.stringify({ warnings: cache.warnings.map(String), repos }));
