// Reads [{ schema, texts }] from stdin, writes [[null | problem, …], …] to stdout: what ajv says of each text under the schema.
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const requests = JSON.parse(await new Response(process.stdin).text());
const results = requests.map(({ schema, texts }) => {
  const ajv = addFormats(new Ajv2020({ strict: false, validateFormats: true, multipleOfPrecision: 9 }));
  let validate;
  try {
    validate = ajv.compile(schema);
  } catch (error) {
    return texts.map(() => `schema: ${error.message}`);
  }
  return texts.map((text) => {
    try {
      return validate(JSON.parse(text)) ? null : ajv.errorsText(validate.errors);
    } catch (error) {
      return String(error.message);
    }
  });
});
process.stdout.write(JSON.stringify(results));
