// Reads [{ template, variables }] from stdin, writes [{ text } | { error }] to stdout, rendered by @huggingface/jinja.
import { Template } from "@huggingface/jinja";

const { now, requests } = JSON.parse(await new Response(process.stdin).text());

// strftime_now asks for the time by `new Date()`; the tests want it to stand still.
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length > 0 ? given : [now]));
  }
};

const results = requests.map(({ template, variables }) => {
  try {
    return { text: new Template(template).render(structuredClone(variables)).toWellFormed() };
  } catch (error) {
    return { error: String(error?.message ?? error) };
  }
});
process.stdout.write(JSON.stringify(results));
