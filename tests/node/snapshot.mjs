// A cache that nobody here wrote: npm's @huggingface/hub downloads a repository into it.
// node snapshot.mjs ENDPOINT REPOSITORY CACHE
import { snapshotDownload } from "@huggingface/hub";

console.debug = () => {};
const [hubUrl, repo, cacheDir] = process.argv.slice(2);
await snapshotDownload({ hubUrl, repo, cacheDir });
console.log(JSON.stringify({}));
