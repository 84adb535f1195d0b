"""Reads {now, requests: [{template, variables}]} from stdin, writes [{text} | {error}] to stdout, rendered by jinja2 set up as transformers does.

With a file name as argument: renders that file of cases and records what came out in it (tests/assets/templates/cases.json).
"""
import json
import sys
from datetime import datetime

import jinja2
import jinja2.ext
import jinja2.sandbox


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_keep"), [], [], body).set_lineno(line)

    def _keep(self, caller):
        return caller()


def environment(now):
    # transformers takes the immutable sandbox; templates that append to lists (Kimi K2) need this one.
    env = jinja2.sandbox.SandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])

    def refuse(message):
        raise jinja2.exceptions.TemplateError(message)

    def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env.filters["tojson"] = to_json
    env.globals["raise_exception"] = refuse
    env.globals["strftime_now"] = lambda format: datetime.fromisoformat(now).strftime(format)
    return env


def render(env, request):
    try:
        return {"text": env.from_string(request["template"]).render(**request.get("variables", {}))}
    except Exception as error:  # whatever the template does wrong is the answer
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    if len(sys.argv) > 1:
        with open(sys.argv[1], encoding="utf-8") as file:
            cases = json.load(file)
        env = environment(cases["now"])
        for case in cases["requests"]:
            case.pop("text", None)
            case.pop("error", None)
            case.update(render(env, case))
        with open(sys.argv[1], "w", encoding="utf-8", newline="\n") as file:
            json.dump(cases, file, ensure_ascii=False, indent=2)
            file.write("\n")
        return
    given = json.load(sys.stdin)
    env = environment(given["now"])
    json.dump([render(env, request) for request in given["requests"]], sys.stdout)


if __name__ == "__main__":
    main()
