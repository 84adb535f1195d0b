// Token ids by Hugging Face's own tokenizer: { tokenizer, config, special, texts } on standard input, a list of ids a text on standard output.
import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";

const { tokenizer, config, special, texts } = JSON.parse(readFileSync(0, "utf8"));
const model = new Tokenizer(tokenizer, config);
process.stdout.write(JSON.stringify(texts.map((text) => model.encode(text, { add_special_tokens: special }).ids)));
