"""Runs in allotropy's own environment and reads one file after the other; nothing of ActiveLoop is imported here.

A line of JSON in, a line of JSON out. The encoding is detected where the usual one fails, and a file is offered to
every parser whose signature it bears, so that none is chosen by chance.
"""
# pyright: reportMissingImports=false

import json
import sys
import warnings


def limit_memory(mebibytes):
    """Refuse more memory than is allowed, where the system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (mebibytes * 2**20,) * 2)


def encodings(path):
    """Encodings to try: the parser's own first, then that of the bytes."""
    import chardet

    yield None
    with open(path, "rb") as file:
        found = chardet.detect(file.read(1 << 20)).get("encoding")
    yield from dict.fromkeys(filter(None, (found, "utf-16", "cp1252")))


def signed(path):
    """The vendors whose signature a file bears."""
    from allotropy.named_file_contents import NamedFileContents
    from allotropy.parser_factory import _VENDOR_TO_PARSER, Vendor

    with open(path, "rb") as file:
        contents = NamedFileContents(file, path, None)
        for vendor in Vendor:
            if vendor is Vendor.EXAMPLE_WEYLAND_YUTANI or contents.extension not in vendor.supported_extensions:
                continue
            file.seek(0)
            try:
                if _VENDOR_TO_PARSER[vendor].sniff(contents):
                    yield vendor.value
            except Exception:
                continue


def possible(path):
    """All vendors that write files of such a name."""
    from allotropy.parser_factory import Vendor

    extension = path.rpartition(".")[2].lower()
    return [v.value for v in Vendor if extension in v.supported_extensions and v is not Vendor.EXAMPLE_WEYLAND_YUTANI]


def parsed(path, vendor):
    """The document, and why there is none."""
    from allotropy.to_allotrope import allotrope_from_file

    problem = ""
    for encoding in encodings(path):
        try:
            return allotrope_from_file(path, vendor, encoding=encoding), ""
        except MemoryError:
            raise
        except Exception as error:
            problem = problem or " ".join(str(error).split())[:300] or type(error).__name__
    return None, problem


def read(path, software):
    """All documents that a file can be read as, by vendor."""
    names = [software] if software else list(signed(path))
    found, failed = {}, {}
    for tried in (names, [] if software else possible(path)):
        if found:
            break
        for name in tried:
            if name in failed:
                continue
            document, problem = parsed(path, name)
            if document is None:
                failed[name] = problem
            else:
                found[name] = document
    kept = {name: why for name, why in failed.items() if name in names}
    return {"read": found, "failed": kept}


def main():
    """Answer questions until there are no more."""
    from allotropy.parser_factory import Vendor

    limit_memory(int(sys.argv[1]))
    warnings.simplefilter("ignore")
    out, sys.stdout = sys.stdout, sys.stderr  # what a parser prints is no answer
    for line in sys.stdin:
        question = json.loads(line)
        if question.get("list"):
            answer = {"software": {v.value.lower(): v.display_name for v in Vendor if "EXAMPLE" not in v.value}}
        else:
            try:
                answer = read(question["path"], question["software"])
            except MemoryError:
                return
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
