// What a library that nobody here wrote reads in the names of GGUF files, and its names of file types. Prints JSON; the test compares.
// node quants.mjs NAME…
import { GGMLFileQuantizationType, parseGGUFQuantLabel } from "@huggingface/tasks";

const labels = Object.fromEntries(process.argv.slice(2).map((name) => [name, parseGGUFQuantLabel(name) ?? null]));
const types = Object.fromEntries(Object.entries(GGMLFileQuantizationType).filter(([name]) => Number.isInteger(Number(name))));
console.log(JSON.stringify({ labels, types }));
