'use strict';

// The whole page: a chat with one model, and what the server has loaded. Text of models goes in as text, never as HTML.
const element = id => document.getElementById(id);
const KEY = 'modelops-key';
const STATUS_INTERVAL = 2000;
let conversation = [];
let running = null;
let before = null;

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

async function ask(path, options = {}) {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...(options.body ? { 'Content-Type': 'application/json' } : {}), ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  const response = await fetch(path, { ...options, headers });
  if (response.status === 401) {
    sessionStorage.removeItem(KEY);
    if (!element('door').open) element('door').showModal();
  }
  if (!response.ok) throw new Error(await reason(response));
  return response;
}

async function reason(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `The server answered ${response.status}.`;
  }
}

const bytes = number => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    unit++;
  }
  return `${number >= 100 || unit === 0 ? number.toFixed(0) : number.toFixed(1)} ${units[unit]}`;
};

async function loadModels() {
  const { data } = await (await ask('v1/models')).json();
  const select = element('model');
  const chosen = select.value;
  select.replaceChildren(...data.map(model => new Option(model.id, model.id)));
  if (data.some(model => model.id === chosen)) select.value = chosen;
}

function rate(model, now) {
  const last = before?.models.get(model.name);
  const seconds = before ? (now - before.time) / 1000 : 0;
  return last === undefined || seconds <= 0 ? 0 : (model.generatedTokens - last) / seconds;
}

function describe(model, status, now) {
  const item = make('li');
  item.append(make('div', 'name', model.name), make('div', model.state === 'loaded' ? 'loaded' : '', model.state));
  const list = make('dl');
  const add = (name, value) => list.append(make('dt', '', name), make('dd', '', value));
  if (model.state === 'loaded') {
    if (model.memoryBytes !== null) add('Memory', bytes(model.memoryBytes));
    add('Context', `${model.contextLength.toLocaleString()} tokens`);
    if (model.gpuLayers !== 0) add('Layers on GPUs', model.gpuLayers < 0 ? 'all' : String(model.gpuLayers));
  }
  add('Answering', `${model.running} of ${status.parallel}`);
  add('Waiting', `${model.waiting} of ${status.queue}`);
  add('Speed', `${rate(model, now).toFixed(1)} tokens/s`);
  add('Written', `${model.generatedTokens.toLocaleString()} tokens`);
  item.append(list);
  if (model.warning) item.append(make('p', 'note', model.warning));
  return item;
}

async function showStatus() {
  try {
    const status = await (await ask('status')).json();
    const now = performance.now();
    element('models').replaceChildren(...status.models.map(model => describe(model, status, now)));
    element('totals').textContent = `Server: ${bytes(status.memoryBytes)}, up ${Math.floor(status.uptimeSeconds / 60)} min${status.ending ? ', ending' : ''}.`;
    before = { time: now, models: new Map(status.models.map(model => [model.name, model.generatedTokens])) };
  } catch (error) {
    element('totals').textContent = error instanceof TypeError ? 'The server does not answer.' : error.message;
  }
}

function addTurn(role, text) {
  element('empty').hidden = true;
  const item = make('li', role);
  const body = make('div', 'text', text);
  item.append(make('div', 'who', role === 'user' ? 'You' : element('model').value), body);
  element('log').append(item);
  item.scrollIntoView({ block: 'end' });
  return { item, body };
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split('\n\n');
    rest = parts.pop();
    for (const part of parts) {
      const data = part.replace(/^data: /, '');
      if (data === '[DONE]') return;
      yield JSON.parse(data);
    }
  }
}

function question() {
  const system = element('system').value.trim();
  const body = {
    model: element('model').value,
    messages: [...(system ? [{ role: 'system', content: system }] : []), ...conversation],
    stream: true,
    stream_options: { include_usage: true },
  };
  if (element('temperature').value !== '') body.temperature = Number(element('temperature').value);
  if (element('most').value !== '') body.max_completion_tokens = Number(element('most').value);
  return JSON.stringify(body);
}

async function answer() {
  const mine = conversation;
  running = new AbortController();
  setBusy(true);
  const { item, body } = addTurn('assistant', '');
  const log = element('log');
  let text = '';
  let thoughts = null;
  let first = 0;
  try {
    const response = await ask('v1/chat/completions', { method: 'POST', body: question(), signal: running.signal });
    for await (const event of events(response)) {
      if (event.error) throw new Error(event.error.message);
      const follow = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
      const delta = event.choices[0]?.delta ?? {};
      if (delta.reasoning_content) {
        if (!thoughts) {
          const fold = make('details');
          thoughts = make('div', 'text');
          fold.append(make('summary', '', 'Reasoning'), thoughts);
          item.insertBefore(fold, body);
        }
        thoughts.append(delta.reasoning_content);
      }
      if (delta.content) {
        text += delta.content;
        body.append(delta.content);
      }
      first ||= (delta.content || delta.reasoning_content) ? performance.now() : 0;
      if (event.usage) {
        const seconds = (performance.now() - first) / 1000;
        const speed = event.usage.completion_tokens > 1 && seconds > 0 ? `, ${((event.usage.completion_tokens - 1) / seconds).toFixed(1)} tokens/s` : '';
        item.append(make('div', 'figures', `${event.usage.prompt_tokens} + ${event.usage.completion_tokens} tokens${speed}`));
      }
      if (follow) log.scrollTop = log.scrollHeight;
    }
    say('The answer is complete.');
  } catch (error) {
    if (error.name === 'AbortError') {
      say('Stopped.');
    } else {
      item.classList.add('failed');
      body.textContent = text ? `${text}\n${error.message}` : error.message;
      say(`The answer failed: ${error.message}`);
    }
  } finally {
    if (text) mine.push({ role: 'assistant', content: text });
    else mine.pop();
    running = null;
    setBusy(false);
    element('prompt').focus();
  }
}

function say(text) {
  element('state').textContent = text;
}

function setBusy(busy) {
  element('send').hidden = busy;
  element('stop').hidden = !busy;
  element('log').setAttribute('aria-busy', String(busy));
  if (busy) {
    say('The model is answering …');
    element('stop').focus();
  }
}

function send() {
  const text = element('prompt').value.trim();
  if (!text || running) return;
  element('prompt').value = '';
  conversation.push({ role: 'user', content: text });
  addTurn('user', text);
  answer();
}

element('form').addEventListener('submit', event => {
  event.preventDefault();
  send();
});
element('prompt').addEventListener('keydown', event => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});
element('stop').addEventListener('click', () => running?.abort());
document.addEventListener('keydown', event => {
  if (event.key === 'Escape' && running) running.abort();
});
element('new').addEventListener('click', () => {
  running?.abort();
  conversation = [];
  element('log').replaceChildren();
  element('empty').hidden = false;
  say('A new chat.');
  element('prompt').focus();
});
element('key-form').addEventListener('submit', () => {
  sessionStorage.setItem(KEY, element('key').value.trim());
  element('key').value = '';
  start();
});

function start() {
  loadModels().catch(error => say(error.message));
  showStatus();
}

start();
setInterval(() => {
  if (!document.hidden && !element('door').open) showStatus();
}, STATUS_INTERVAL);
element('prompt').focus();
