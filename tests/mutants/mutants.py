#!/usr/bin/env python3
"""Breaks the code on purpose, in one small way at a time, and asks the tests whether they notice.

  tests/mutants/mutants.py                      # all mutants of all tables
  tests/mutants/mutants.py --only=5             # five of each table, chosen by the commit
  tests/mutants/mutants.py --only=umask-ignored,vfork-copies
  tests/mutants/mutants.py --table=sim --list

A table is a file beside this one, NAME_mutants.py, with a list MUTANTS. Each mutant is a piece of
text in one file that is replaced by another, and the tests that have to fail then. Where the table
has a SUITE, those are only asked first: who is not caught by them is shown to all of the suite. A
table's TIMEOUT is how long a test of it may take, in seconds; its SURVIVORS are those that nothing
notices, with the reason: they count as not caught. Mutants are applied to a copy of the tree, never
to the tree itself. Closes with who survived and 'N of M mutants caught'. The exit code is 0 if all
were but those; a mutant that does not apply or does not compile is an error, which names it.
"""

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# Exit codes of `bazel test`.
BUILD_FAILED = 1
TESTS_FAILED = 3

DEFAULT_TIMEOUT = 30  # of a test, in seconds

Mutant = namedtuple(
    "Mutant",
    "name file old new targets why table suite timeout survives",
    defaults=("", "", (), DEFAULT_TIMEOUT, ""),
)


class Broken(Exception):
    """A mutant or a tree with which nothing can be measured."""


def load_tables(names):
    """The mutants of these tables; of all, if none is named."""
    if not names:
        suffix = "_mutants.py"
        names = sorted(f[: -len(suffix)] for f in os.listdir(HERE) if f.endswith(suffix))
    mutants = []
    for name in names:
        path = os.path.join(HERE, name + "_mutants.py")
        if not os.path.exists(path):
            raise Broken("there is no table " + name)
        spec = importlib.util.spec_from_file_location(name + "_mutants", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        suite = tuple(getattr(module, "SUITE", ()))
        timeout = getattr(module, "TIMEOUT", DEFAULT_TIMEOUT)
        survivors = getattr(module, "SURVIVORS", {})
        unknown = set(survivors) - {fields[0] for fields in module.MUTANTS}
        if unknown:
            raise Broken("no such mutant survives: " + ", ".join(sorted(unknown)))
        for fields in module.MUTANTS:
            mutant = Mutant(*fields)._replace(table=name, suite=suite, timeout=timeout)
            mutants.append(mutant._replace(survives=survivors.get(mutant.name, "")))
    return mutants


def problems_of(mutants, root):
    """What is wrong with the tables, as lines."""
    problems = []
    seen = set()
    for mutant in mutants:
        if mutant.name in seen:
            problems.append(mutant.name + ": there are two of that name")
        seen.add(mutant.name)
        path = os.path.join(root, mutant.file)
        if not os.path.exists(path):
            problems.append("%s: there is no file %s" % (mutant.name, mutant.file))
            continue
        with open(path, encoding="utf-8") as file:
            count = file.read().count(mutant.old)
        if count != 1:
            problems.append(
                "%s: its text stands %d times in %s, not once" % (mutant.name, count, mutant.file)
            )
        if mutant.old == mutant.new:
            problems.append(mutant.name + ": changes nothing")
        if not mutant.targets:
            problems.append(mutant.name + ": no test is to notice it")
    return problems


def choose(mutants, only, commit):
    """`only` is names, or a number of each table; the same commit chooses the same ones."""
    if not only:
        return mutants
    if only.isdigit():
        key = lambda mutant: hashlib.sha256((commit + " " + mutant.name).encode()).hexdigest()
        names = []
        for table in sorted({mutant.table for mutant in mutants}):
            own = [mutant for mutant in mutants if mutant.table == table and not mutant.survives]
            names += [mutant.name for mutant in sorted(own, key=key)[: int(only)]]
    else:
        names = only.split(",")
        unknown = set(names) - {mutant.name for mutant in mutants}
        if unknown:
            raise Broken("no such mutant: " + ", ".join(sorted(unknown)))
    return [mutant for mutant in mutants if mutant.name in names]


def commit_of(root):
    """What the mutants of a run are chosen by."""
    result = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return result.stdout.decode().strip()


def copy_tree(root, to):
    """All that belongs to the tree, committed or not, and nothing that was built from it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    if listed.returncode != 0:  # not a checkout
        ignore = shutil.ignore_patterns("bazel-*", ".git")
        shutil.copytree(root, to, symlinks=True, ignore=ignore)
        return
    for name in listed.stdout.decode().split("\0"):
        source = os.path.join(root, name)
        if not name or not os.path.exists(source):
            continue
        target = os.path.join(to, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(source, target)


class Tree:
    """A copy in which tests are run."""

    def __init__(self, directory, flags, bazel=None):
        self.root = os.path.join(directory, "tree")
        self.flags = flags
        bazel = bazel or [os.path.join(self.root, "tools", "bazel")]
        self.bazel = bazel + ["--output_base=" + os.path.join(directory, "output")]
        self.sound = set()  # suites that pass without any mutant

    def test(self, targets, timeout=DEFAULT_TIMEOUT):
        """Exit code, and what was printed."""
        command = self.bazel + ["test", "--keep_going", "--noshow_progress"]
        command += ["--test_timeout=%d" % timeout]
        # What a mutant leaves unused is no error.
        command += ["--per_file_copt=^(src|mocks)/.*@-Wno-error"]
        done = subprocess.run(
            command + self.flags + ["--"] + list(targets),
            cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        return done.returncode, done.stdout.decode(errors="replace")

    def shut_down(self):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(self.bazel + ["shutdown"], cwd=self.root, **quiet)

    def ask(self, mutant, targets):
        """Those of `targets` that fail."""
        code, output = self.test(targets, mutant.timeout)
        if code not in (0, TESTS_FAILED):
            raise Broken("%s: does not build (exit code %d):\n%s" % (mutant.name, code, output))
        return failed_targets(output) if code == TESTS_FAILED else []

    def check_suite(self, mutant):
        """A test that fails anyway has noticed nothing."""
        if mutant.suite in self.sound:
            return
        code, output = self.test(mutant.suite, mutant.timeout)
        if code != 0:
            raise Broken("the suite fails without any mutant:\n" + output)
        self.sound.add(mutant.suite)

    def try_mutant(self, mutant, first_only=False):
        """The tests that noticed it."""
        failed = self.try_with(mutant, mutant.targets)
        rest = [target for target in mutant.suite if target not in mutant.targets]
        if failed or first_only or not rest:
            return failed
        self.check_suite(mutant)
        return self.try_with(mutant, rest)

    def try_with(self, mutant, targets):
        """Those of `targets` that noticed it."""
        path = os.path.join(self.root, mutant.file)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace(mutant.old, mutant.new))
            return self.ask(mutant, targets)
        finally:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)


def failed_targets(output):
    """Out of the table with which bazel closes; of one that took too long it says so."""
    failed = []
    for line in output.splitlines():
        words = line.split()
        if len(words) < 2 or not words[0].startswith("//"):
            continue
        if words[1] in ("FAILED", "TIMEOUT"):
            failed.append(words[0] + (" (time-out)" if words[1] == "TIMEOUT" else ""))
    return failed


def run(mutants, tree, out, first_only=False):
    """Prints a line for each, and returns how many were caught, and what was wrong with others.

    So is a mutant that is known to survive, and does not.
    """
    targets = sorted({target for mutant in mutants for target in mutant.targets})
    code, output = tree.test(targets, max(mutant.timeout for mutant in mutants))
    if code != 0:
        raise Broken("the tests fail without any mutant:\n" + output)
    caught = 0
    survivors = []
    problems = []
    for mutant in mutants:
        start = time.monotonic()
        try:
            failed = tree.try_mutant(mutant, first_only)
            by = ", ".join(target.split(":")[1] for target in failed)
            verdict = "caught by " + by if failed else "SURVIVES"
            caught += bool(failed)
            if not failed:
                survivors.append(mutant)
            elif mutant.survives:
                problems.append(mutant.name + ": is among the survivors of its table, and caught")
        except Broken as broken:
            problems.append(str(broken))
            verdict = "CANNOT BE TRIED"
        seconds = time.monotonic() - start
        print("%-36s %-30s %4.0f s  %s" % (mutant.name, mutant.file, seconds, verdict), file=out)
        out.flush()
    for mutant in survivors:
        why = " (known: %s)" % mutant.survives if mutant.survives else ""
        print("survives: %s: %s%s" % (mutant.name, mutant.why or mutant.file, why), file=out)
    return caught, problems


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="append", default=[], help="of which; all, if not said")
    parser.add_argument("--only", default="", help="a number, or names with commas between")
    parser.add_argument("--first", action="store_true", help="do not ask the rest of a suite")
    parser.add_argument("--list", action="store_true", help="name them and run nothing")
    parser.add_argument("--directory", help="for the copy and what is built; kept")
    parser.add_argument("--bazel-flag", action="append", default=[], help="for `bazel test`")
    wishes = parser.parse_args(arguments)
    directory = wishes.directory or tempfile.mkdtemp(prefix="cleanfork-mutants-")
    tree = None
    try:
        mutants = load_tables(wishes.table)
        problems = problems_of(mutants, ROOT)
        if problems:
            raise Broken("\n".join(problems))
        mutants = choose(mutants, wishes.only, commit_of(ROOT))
        if wishes.list:
            for mutant in mutants:
                print("%-36s %s" % (mutant.name, mutant.file))
            return 0
        tree = Tree(directory, wishes.bazel_flag)
        shutil.rmtree(tree.root, ignore_errors=True)
        copy_tree(ROOT, tree.root)
        caught, problems = run(mutants, tree, sys.stdout, wishes.first)
        print("%d of %d mutants caught" % (caught, len(mutants)))
        if problems:
            raise Broken("\n".join(problems))
        return 0 if caught + sum(bool(mutant.survives) for mutant in mutants) == len(mutants) else 1
    except Broken as broken:
        print("mutants: %s" % broken, file=sys.stderr)
        return 2
    finally:
        if tree is not None and os.path.isdir(tree.root):
            tree.shut_down()
        if not wishes.directory:
            # Bazel takes away the right to write to what it has built.
            subprocess.run(["chmod", "-R", "u+w", directory])
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
