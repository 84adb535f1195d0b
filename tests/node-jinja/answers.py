"""Records what the templates of a folder write as an assistant's turn, so that reading it back can be tested.

python3 answers.py FOLDER_OF_JINJA NAME… > ../assets/templates/answers.json
"""

import glob
import json
import os
import sys

from render import environment

WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Weather.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "exact": {"type": "boolean"}, "place": {"type": "object"}, "tags": {"type": "array", "items": {"type": "string"}}}, "required": ["city"]}}}
NOTE = {"type": "function", "function": {"name": "note", "description": "Notes.", "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}}}
USER = {"role": "user", "content": "Q?"}
CALLS = {
    "plain": [],
    "one": [("get_weather", {"city": "Berlin", "days": 3})],
    "values": [("get_weather", {"city": "São \"Paulo\" <b>", "exact": True, "days": -7, "place": {"lat": 1.5, "in": ["x", {"y": "z"}]}, "tags": ["a, b", "c}"]})],
    "text": [("note", {"text": "12"})],
    "lines": [("note", {"text": "one\ntwo {\"three\": [4]}\n\n  five"})],
    "two": [("note", {"text": "first"}), ("get_weather", {"city": "Rome"})],
}
ENDS = ["<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|call|>", "<|return|>", "<|tool_response>", "<turn|>", "</s>", "<|end|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>", "[e~[", "<|calls|>",
        "<|END_OF_TURN_TOKEN|>", "<SPECIAL_12>", "<seed:eos>", "<sep>", "<end_of_sentence>", "<end_of_turn>", "</assistant>", "<|assistant_end|>", "<eom>"]


def common(a, b):
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return length


def record(template, calls, reasons, as_text):
    def render(messages, prompt):
        return template.render(messages=messages, tools=[WEATHER, NOTE], add_generation_prompt=prompt, bos_token="<s>", eos_token="</s>", enable_thinking=reasons, thinking=reasons)

    turn = {"role": "assistant", "content": "" if calls and not reasons else "It is so."}
    if reasons:
        turn["reasoning_content"] = turn["thinking"] = "First this,\n\nthen that."
    if calls:
        turn["tool_calls"] = [{"id": f"abcdefgh{i}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False) if as_text else arguments}} for i, (name, arguments) in enumerate(calls)]
    base, full = render([USER], True), render([USER, turn], False)
    at = common(base, full)
    # Not in the middle of a mark.
    for opening, closing in ("<>", "[]"):
        begin = full.rfind(opening, 0, at)
        if at < len(base) and begin > full.rfind(closing, 0, at):
            at = begin
    answer = full[at:]
    while True:
        answer = answer.rstrip("\n") if any(answer.rstrip("\n").endswith(end) for end in ENDS) else answer
        end = next((end for end in ENDS if answer.endswith(end)), None)
        if end is None:
            break
        answer = answer[:-len(end)].rstrip("\n")
    return {
        "prompt": full[max(0, at - 40):at],
        "answer": answer,
        "reasoning": turn.get("reasoning_content") if reasons and "then that." in answer else None,
        "content": "It is so." if "It is so." in answer else "",
        "calls": [{"name": name, "arguments": arguments} for name, arguments in calls if name in answer],
    }


recordings = []
for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.jinja"))):
    if os.path.basename(path)[:-6] not in sys.argv[2:]:
        continue
    with open(path, encoding="utf-8") as file:
        template = environment("2026-07-04T09:05:03").from_string(file.read())
    for name, calls in CALLS.items():
        for reasons in (False, True):
            for as_text in (False, True):
                try:
                    recording = record(template, calls, reasons, as_text)
                except Exception:  # A template refuses, or wants the other shape.
                    continue
                if calls and ("{'" in recording["answer"] or "\\\"city\\\"" in recording["answer"] and not as_text):
                    continue
                recordings.append({"template": os.path.basename(path)[:-6], "case": name + (" with reasoning" if reasons else ""), **recording})
                break
print("[\n" + ",\n".join(json.dumps(recording, ensure_ascii=False) for recording in recordings) + "\n]")
