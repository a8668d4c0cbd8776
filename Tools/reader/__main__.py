"""What the command does."""

import argparse
import json
import sys

from .database import Database
from .golden import DAMAGE, check
from .refusal import Refused, need

DESCRIPTION = """A second reader of vecdb databases, written from Formats/ alone.

  vecdb-reader query DB --vector '[1, 2]' [-k 10] [--leaves-to-search L] [--reorder R] [--exact] [--exclude ID]
  vecdb-reader query DB --query-id ID …
  vecdb-reader metadata DB ID
  vecdb-reader check DIR      everything golden below DIR: answers, intermediate results, files to refuse

Exit codes: 0 fine, 1 an answer differs or the question is wrong, 3 not found, 4 damaged, 5 unsupported."""

def main():
    arguments = parsed()
    if arguments.command == "check":
        return check(arguments.directory)
    database = Database(arguments.database)
    if arguments.command == "metadata":
        ordinals = database.ordinals(arguments.id)
        need(ordinals, f"no candidate '{arguments.id}'", 3)
        for ordinal in ordinals:
            print(json.dumps(database.metadata(ordinal), ensure_ascii=False))
        return 0
    vector = database.query_vector(arguments.query_id) if arguments.vector is None else arguments.vector
    hits = database.search(
        vector, arguments.k, arguments.leaves_to_search, arguments.reorder, arguments.exact, arguments.exclude
    )
    ranked = [
        {"rank": rank, "id": database.id(ordinal), "score": score} for rank, (ordinal, score) in enumerate(hits, 1)
    ]
    print(json.dumps({"query": 0, "hits": ranked}, ensure_ascii=False))
    return 0


def parsed_vector(text):
    numbers = json.loads(text)
    if not isinstance(numbers, list) or not all(type(number) in (int, float) for number in numbers):
        raise ValueError
    return numbers


def parsed():
    parser = argparse.ArgumentParser(
        prog="vecdb-reader", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    query = commands.add_parser("query")
    query.add_argument("database")
    asked = query.add_mutually_exclusive_group(required=True)
    asked.add_argument("--vector", type=parsed_vector)
    asked.add_argument("--query-id")
    query.add_argument("-k", type=int, default=10)
    query.add_argument("--leaves-to-search", type=int)
    query.add_argument("--reorder", type=int)
    query.add_argument("--exact", action="store_true")
    query.add_argument("--exclude", action="append", default=[])
    metadata = commands.add_parser("metadata")
    metadata.add_argument("database")
    metadata.add_argument("id")
    commands.add_parser("check").add_argument("directory")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Refused as refused:
        print(f"vecdb-reader: {refused}", file=sys.stderr)
        sys.exit(refused.code)
    except DAMAGE as error:
        print(f"vecdb-reader: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(4)
