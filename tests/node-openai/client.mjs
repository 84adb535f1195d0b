// What npm's openai client makes of a server: node client.mjs BASE_URL KEY CHAT_MODEL EMBEDDING_MODEL; prints what it saw as JSON.
import OpenAI from 'openai';

const [baseURL, apiKey, model, embedder] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const greedy = { model, temperature: 0, seed: 1 };
const messages = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'hello' }];
const tools = [
  { type: 'function', function: { name: 'get_weather', description: 'The weather of a city.', parameters: { type: 'object', properties: { city: { type: 'string', enum: ['Rome', 'Oslo'] } }, required: ['city'], additionalProperties: false } } },
];
const failure = async call => {
  try {
    await call();
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status ?? null, code: error.code ?? null, param: error.param ?? null, type: error.type ?? null };
  }
};
const seen = {};

seen.models = [];
for await (const entry of client.models.list()) seen.models.push(entry.id);
seen.retrieved = (await client.models.retrieve(model)).id;

// A conversation: the answer becomes part of the next question.
const first = await client.chat.completions.create({ ...greedy, messages, max_completion_tokens: 24 });
seen.first = { content: first.choices[0].message.content, role: first.choices[0].message.role, reason: first.choices[0].finish_reason, usage: first.usage };
const second = await client.chat.completions.create({ ...greedy, messages: [...messages, first.choices[0].message, { role: 'user', content: [{ type: 'text', text: 'and now?' }] }], max_tokens: 24 });
seen.second = { content: second.choices[0].message.content, usage: second.usage };

// The same, streamed: by hand, and by the client's own collector.
let text = '';
let usage = null;
for await (const chunk of await client.chat.completions.create({ ...greedy, messages, max_completion_tokens: 24, stream: true, stream_options: { include_usage: true } })) {
  text += chunk.choices[0]?.delta.content ?? '';
  usage = chunk.usage ?? usage;
}
seen.streamed = { content: text, usage };
seen.collected = (await client.chat.completions.stream({ ...greedy, messages, max_completion_tokens: 24 }).finalChatCompletion()).choices[0].message.content;

// Tools: called, streamed, answered.
const forced = await client.chat.completions.create({ ...greedy, messages, tools, tool_choice: 'required' });
const call = forced.choices[0].message.tool_calls[0];
seen.tool = { reason: forced.choices[0].finish_reason, name: call.function.name, arguments: JSON.parse(call.function.arguments), type: call.type };
const collected = await client.chat.completions.stream({ ...greedy, messages, tools, tool_choice: { type: 'function', function: { name: 'get_weather' } } }).finalChatCompletion();
seen.streamedTool = { name: collected.choices[0].message.tool_calls[0].function.name, arguments: JSON.parse(collected.choices[0].message.tool_calls[0].function.arguments) };
seen.afterTool = typeof (await client.chat.completions.create({ ...greedy, messages: [...messages, forced.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'sunny' }], max_tokens: 8 })).choices[0].message;

// An answer under a schema.
const schema = { type: 'object', properties: { colour: { type: 'string', enum: ['red', 'green'] }, count: { type: 'integer', minimum: 1, maximum: 9 } }, required: ['colour', 'count'], additionalProperties: false };
seen.schema = JSON.parse((await client.chat.completions.create({ ...greedy, messages, response_format: { type: 'json_schema', json_schema: { name: 'thing', strict: true, schema } } })).choices[0].message.content);

seen.completion = (await client.completions.create({ ...greedy, prompt: 'Once upon a time', max_tokens: 8 })).choices[0].text;

// A client that goes away.
const aborted = await client.chat.completions.create({ ...greedy, temperature: 1, messages, max_tokens: 400, stream: true });
for await (const chunk of aborted) {
  if (chunk.choices[0]?.delta.content) aborted.controller.abort();
}

if (embedder) {
  const input = ['a cat sat on the mat', 'the stock market fell', 'a cat sat on the mat'];
  const base64 = await client.embeddings.create({ model: embedder, input });
  const floats = await client.embeddings.create({ model: embedder, input, encoding_format: 'float' });
  seen.embeddings = { base64: base64.data.map(entry => entry.embedding), floats: floats.data.map(entry => entry.embedding), usage: floats.usage };
}

seen.failures = {
  model: await failure(() => client.chat.completions.create({ ...greedy, model: 'nobody', messages })),
  path: await failure(() => client.chat.completions.create({ ...greedy, model: '/etc/passwd', messages })),
  key: await failure(() => new OpenAI({ baseURL, apiKey: 'wrong', maxRetries: 0 }).models.list()),
  type: await failure(() => client.chat.completions.create({ ...greedy, messages, temperature: 'hot' })),
  huge: await failure(() => client.chat.completions.create({ ...greedy, messages: [{ role: 'user', content: 'a'.repeat(9 << 20) }] })),
  context: await failure(() => client.chat.completions.create({ ...greedy, messages: [{ role: 'user', content: 'word '.repeat(5000) }] })),
};
console.log(JSON.stringify(seen));
