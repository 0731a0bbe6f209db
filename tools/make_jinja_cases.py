#!/usr/bin/env python3
"""Write tests/data/jinja_cases.json: small templates with what jinja2 itself renders, or the error that it raises.

usage: make_jinja_cases.py [OUT]      (needs: pip install jinja2; the environment is set up as transformers does)

Case lists: tools/jinja_cases/*.txt, one case a block, blocks separated by a line "%%". The first line of a block may
be "@CONTEXT" (a name of CONTEXTS, "base" where there is none); the rest is the template, byte for byte, without the
newline before the separator. <CR> stands for a carriage return. tools/jinja_cases/*.exprs: an expression a line,
each rendered as {{ EXPRESSION }}; "#" starts a comment line."""
import datetime, glob, json, os, sys
import jinja2, jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2024, 7, 26, 14, 5, 9)
HERE = os.path.dirname(os.path.abspath(__file__))


class Generation(jinja2.ext.Extension):
    """The tag that transformers adds to mark the assistant's text; it passes its body through."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_render"), [], [], body).set_lineno(line)

    def _render(self, caller): return caller()


def raise_exception(message): raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda format: NOW.strftime(format)
    return env


WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Get the weather.\nFor a city.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "description": "The city <name> & \"country\""},
    "unit": {"type": "string", "enum": ["c", "f"]}, "days": {"type": "array", "items": {"type": "integer"}},
    "where": {"type": "object", "properties": {"lat": {"type": "number", "default": 1.5}}, "required": ["lat"]}},
    "required": ["city"]}, "return": {"type": "string"}}}
TIME = {"type": "function", "function": {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call12345", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Zürich", "days": [1, 2], "deep": {"a": None, "b": True, "c": 1.0}}}}

CONTEXTS = {
    "base": {
        "bos_token": "<s>", "eos_token": "</s>", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Bye"}],
        "tools": None, "documents": None, "add_generation_prompt": False, "nothing": None, "yes": True, "no": False, "zero": 0, "five": 5, "neg": -7, "big": 4611686018427387904,
        "pi": 3.14159, "tiny": 1e-7, "huge": 1e22, "half": 2.5, "empty": "", "name": "World", "html": "<b>\"x\" & 'y'</b>", "uni": "Grüße ☕ 漢字 😀", "text": "The quick brown fox jumps over the lazy dog",
        "lines": "one\n  two\n\nthree\r\nfour", "blank": " \t x \n ", "csv": "a,b,,c", "xs": [3, 1, 2], "ys": ["b", "A", "c", "a"], "nested": [1, [2, [3, "x"]], {"k": [None, True]}], "emptylist": [],
        "d": {"b": 1, "a": "two", "C": [1, 2.0, None]}, "emptydict": {}, "people": [{"name": "Ann", "age": 31, "city": {"zip": 8000}}, {"name": "bob", "age": 25, "city": {"zip": 1000}}, {"name": "Cid", "age": 31, "city": {"zip": 3000}}],
        "items_key": {"items": 1, "keys": 2, "get": 3, "x": 4}, "mixed": [1, "1", 1.0, True, None, [1], {"a": 1}], "words": ["apple", "Banana", "cherry", "apple"], "floats": [1.0, 0.1, 100000000000000000.0, 1e16, 123456789.123, 5e-324, -0.0],
        "tree": [{"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4, "kids": []}]}]}, {"v": 5, "kids": []}], "quote": "it's", "both": "it's \"q\"", "ctrl": "a\u0000b\u001f\u007f\u0085\u200b\u2028\u00a0c\\d",
    },
    "plain": {"bos_token": "<s>", "eos_token": "</s>", "tools": None, "documents": None, "add_generation_prompt": True, "messages": [
        {"role": "system", "content": " Be brief. "}, {"role": "user", "content": "Hello ☕\n"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHi!"}, {"role": "user", "content": "And now?"}]},
    "nosystem": {"bos_token": "<s>", "eos_token": "</s>", "tools": None, "documents": None, "add_generation_prompt": True, "messages": [{"role": "user", "content": "Hello"}]},
    "alternate": {"bos_token": "<s>", "eos_token": "</s>", "tools": None, "documents": None, "add_generation_prompt": True, "messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]},
    "tools": {"bos_token": "<s>", "eos_token": "</s>", "tools": [WEATHER, TIME], "documents": None, "add_generation_prompt": True, "enable_thinking": False, "messages": [
        {"role": "system", "content": "Use tools."}, {"role": "user", "content": "Weather?"}, {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call12345", "name": "get_weather", "content": "{\"t\": 21}"}, {"role": "assistant", "content": "21 degrees", "reasoning_content": "I know."}, {"role": "user", "content": "Thanks"}]},
    "twotools": {"bos_token": "<s>", "eos_token": "</s>", "tools": [WEATHER], "documents": None, "add_generation_prompt": True, "messages": [
        {"role": "user", "content": "Weather?"}, {"role": "assistant", "content": "", "tool_calls": [CALL, {**CALL, "id": "call67890"}]},
        {"role": "tool", "tool_call_id": "call12345", "content": "one"}, {"role": "tool", "tool_call_id": "call67890", "content": {"two": [2]}}]},
    "parts": {"bos_token": "<s>", "eos_token": "</s>", "tools": None, "documents": None, "add_generation_prompt": True, "messages": [
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]}, {"role": "assistant", "content": [{"type": "text", "text": "A cat"}]}]},
    "rag": {"bos_token": "<s>", "eos_token": "</s>", "tools": None, "add_generation_prompt": True, "documents": [{"title": "T1", "text": "one"}, {"title": "T2", "text": "two"}], "messages": [{"role": "user", "content": "Hello"}]},
}


def cases():
    for path in sorted(glob.glob(os.path.join(HERE, "jinja_cases", "*.exprs"))):
        for line in open(path, encoding="utf-8").read().splitlines():
            if line and not line.startswith("# "): yield "base", "{{ " + line + " }}"
    for path in sorted(glob.glob(os.path.join(HERE, "jinja_cases", "*.txt"))):
        for block in open(path, encoding="utf-8", newline="").read().removesuffix("\n").split("\n%%\n"):
            context = "base"
            if block.startswith("@"):
                first, _, block = block.partition("\n")
                names = first[1:].split(",")
            else:
                names = ["base"]
            for context in names: yield context, block.replace("<CR>", "\r")


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "tests", "data", "jinja_cases.json")
    rows, errors = [], 0
    for context, source in cases():
        row = {"context": context, "template": source}
        try: row["rendered"] = environment().from_string(source).render(**CONTEXTS[context])
        except Exception as e: row["error"] = f"{type(e).__name__}: {e}"; errors += 1
        rows.append(row)
    with open(out, "w", encoding="utf-8") as f:
        f.write('{"now": %s, "jinja2": %s,\n"contexts": {\n' % (json.dumps(NOW.isoformat()), json.dumps(jinja2.__version__)))
        f.write(",\n".join(json.dumps(k) + ": " + json.dumps(v) for k, v in CONTEXTS.items()))
        f.write('},\n"cases": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]}\n")
    print(f"{len(rows)} cases, {errors} of them errors -> {out}")


if __name__ == "__main__": main()
