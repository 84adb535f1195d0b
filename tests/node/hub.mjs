// A hub client that nobody here wrote, against our server and our cache. Prints what it saw as JSON; the test compares.
// node hub.mjs ENDPOINT REPOSITORY OWN_CACHE OUR_CACHE
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { checkRepoAccess, downloadFile, downloadFileToCacheDir, fileDownloadInfo, fileExists, listFiles, listModels, modelInfo, scanCacheDir, snapshotDownload, whoAmI } from "@huggingface/hub";

const [hubUrl, repo, ownCache, ourCache] = process.argv.slice(2);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const collect = async (items) => { const all = []; for await (const item of items) all.push(item); return all; };
const fails = async (work) => { try { await work(); return null; } catch (e) { return e.statusCode ?? String(e); } };

const result = {};
result.search = (await collect(listModels({ hubUrl, search: { query: "gemma", owner: "modelops", task: "text-generation", tags: ["safetensors"] } }))).map((model) => model.name);
result.all = (await collect(listModels({ hubUrl, sort: "lastModified" }))).map((model) => model.name).sort();
const info = await modelInfo({ hubUrl, name: repo, additionalFields: ["sha", "tags", "cardData", "library_name", "filePaths"] });
result.info = { name: info.name, sha: info.sha, tags: info.tags, license: info.cardData.license, library: info.library_name, files: info.filePaths, gated: info.gated, task: info.task };
const files = await collect(listFiles({ hubUrl, repo, recursive: true, expand: true }));
result.files = files.map((file) => ({ path: file.path, size: file.size, oid: file.oid, lfs: file.lfs?.oid ?? null, commit: file.lastCommit.id }));

// Whole files, and a slice of a large one by Range.
result.downloads = {};
for (const file of files) {
	const blob = await downloadFile({ hubUrl, repo, path: file.path, xet: false });
	result.downloads[file.path] = sha256(Buffer.from(await blob.arrayBuffer()));
}
const large = await downloadFile({ hubUrl, repo, path: "model.safetensors" });
result.slice = Buffer.from(await large.slice(1_000_001, 1_000_101).arrayBuffer()).toString("hex");
result.etag = (await fileDownloadInfo({ hubUrl, repo, path: "model.safetensors" })).etag;
result.exists = await Promise.all(["model.safetensors", "config.json", "none.bin"].map((path) => fileExists({ hubUrl, repo, path })));
result.missingFile = await downloadFile({ hubUrl, repo, path: "none.bin" });
result.missingRepository = await fails(() => checkRepoAccess({ hubUrl, repo: "modelops/none" }));
result.missingRevision = await fails(() => collect(listFiles({ hubUrl, repo, revision: "none" })));
result.who = (await whoAmI({ hubUrl, accessToken: "hf_any" })).name;

// One file, then the whole snapshot, into a cache of its own, then its reader on the cache that ModelOps wrote.
console.debug = () => {};
const single = await downloadFileToCacheDir({ hubUrl, repo, path: "config.json", cacheDir: ownCache });
result.single = { path: relative(ownCache, single).replaceAll("\\", "/"), sha256: sha256(await readFile(single)) };
const snapshot = await snapshotDownload({ hubUrl, repo, cacheDir: ownCache });
result.snapshot = relative(ownCache, snapshot).replaceAll("\\", "/");
result.snapshotSha256 = sha256(await readFile(join(snapshot, "model.safetensors")));
const cache = await scanCacheDir(ourCache);
result.cache = {
	warnings: cache.warnings.map(String),
	repos: cache.repos.map((found) => ({
		name: found.id.name, type: found.id.type, size: found.size,
		revisions: found.revisions.map((revision) => ({ commit: revision.commitOid, refs: revision.refs, files: revision.files.map((file) => relative(revision.path, file.path)).sort() })),
	})),
};
console.log(JSON.stringify(result));
