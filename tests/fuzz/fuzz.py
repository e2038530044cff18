#!/usr/bin/env python3
"""Builds the fuzzers of this directory with clang and has libFuzzer run them.

  tests/fuzz/fuzz.py                               # all, as CI runs them: the same each time
  tests/fuzz/fuzz.py --runs=1000000 --seed=2       # more, and other inputs
  tests/fuzz/fuzz.py --seconds=600 command_line    # one, with inputs that differ each time

The corpus of the repository is read only: what libFuzzer adds to it goes when the run ends. An
input that breaks a fuzzer is kept, and printed in base64 with the command that runs it again.

The exit code is 0 if all held, 1 if one did not, or was not built or run, and 69 (EX_UNAVAILABLE of
sysexits.h) if there is no clang here that makes programs of libFuzzer that run.
"""

import argparse
import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BAZEL = os.path.join(ROOT, "tools", "bazel")

# Some seconds of each, on one slow core.
RUNS = {"command_line": 10000, "notify_message": 100000, "pid_file": 100000}
DEFAULT_RUNS = 20000
# A fuzzer reads NAME.dict, or that of another.
DICTIONARIES = {"replay_line": "fault_plan"}
# No input takes a thousandth of a second: one that takes so many would not end.
SECONDS_OF_AN_INPUT = 60

EMPTY_FUZZER = """
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return data == NULL && size > 0; }
"""


def why_not():
    """Why libFuzzer cannot be run here, or None: an empty fuzzer is built and run."""
    if not shutil.which("clang"):
        return "there is no clang (apt-get install clang libclang-rt-dev)"
    with tempfile.TemporaryDirectory() as scratch:
        source, program = os.path.join(scratch, "empty.c"), os.path.join(scratch, "empty")
        with open(source, "w", encoding="utf-8") as file:
            file.write(EMPTY_FUZZER)
        flags = ["-fsanitize=fuzzer,address", "-no-pie"]
        for command, what in (
            (["clang"] + flags + [source, "-o", program],
             "clang links no libFuzzer (apt-get install libclang-rt-dev)"),
            ([program, "-runs=1", "-artifact_prefix=%s/" % scratch],
             "an empty program of libFuzzer does not run"),
        ):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode != 0:
                return "%s:\n%s" % (what, done.stdout.decode(errors="backslashreplace").strip())
    return None


def ask_bazel(*arguments):
    """What Bazel answers, as lines; Bazel says itself what is wrong."""
    return subprocess.run(
        [BAZEL] + list(arguments), cwd=ROOT, check=True, stdout=subprocess.PIPE
    ).stdout.decode().splitlines()


def build(names):
    """Builds the fuzzers and returns the directory that they are in."""
    labels = ["//tests/fuzz:%s_fuzz" % name for name in names]
    # Infos: what gold says of AddressSanitizer's symbols, a hundred lines for each program.
    command = [BAZEL, "build", "--config=fuzz", "--ui_event_filters=-info"]
    subprocess.run(command + labels, cwd=ROOT, check=True)
    return os.path.join(ask_bazel("info", "--config=fuzz", "bazel-bin")[0], "tests", "fuzz")


def command_of(name, program, options, new_units, findings):
    """The command line of libFuzzer: https://llvm.org/docs/LibFuzzer.html#options"""
    command = [
        program,
        "-dict=" + os.path.join(HERE, DICTIONARIES.get(name, name) + ".dict"),
        "-artifact_prefix=" + os.path.join(findings, name + "-"),
        "-timeout=%d" % SECONDS_OF_AN_INPUT,
        "-reload=0",  # by the clock
        "-print_final_stats=1",
    ]
    if options.seconds:
        command.append("-max_total_time=%d" % options.seconds)
    else:
        runs = options.runs or RUNS.get(name, DEFAULT_RUNS)
        command += ["-runs=%d" % runs, "-verbosity=0"]
    if options.seed or not options.seconds:
        command.append("-seed=%d" % (options.seed or 1))  # without: another each time
    # New units go to the first directory.
    return command + [new_units, os.path.join(HERE, "corpus", name)]


def run(name, program, options, findings):
    """Runs one fuzzer and says what came of it; returns whether all inputs held."""
    lines = []
    with tempfile.TemporaryDirectory() as new_units:
        command = command_of(name, program, options, new_units, findings)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=findings
        ) as process:
            for line in process.stdout:
                lines.append(line.decode(errors="backslashreplace").rstrip("\n"))
                if options.seconds:
                    print(lines[-1], flush=True)
        status = process.returncode
    # Who calls _exit(0) on the way has no stats.
    stats = dict(re.findall(r"^stat::(\w+):\s+(\d+)$", "\n".join(lines), re.M))
    if status == 0 and "number_of_executed_units" in stats:
        print("fuzz: %s: %s runs, %s new units, all held" % (
            name, stats["number_of_executed_units"], stats["new_units_added"]), flush=True)
        return True

    if not options.seconds:
        print("\n".join(lines))
    print("fuzz: %s: %s" % (name, "left before its runs were done" if status == 0 else
                            "did not hold, exit status %d" % status))
    print("fuzz: the command was: " + " ".join(command))
    kept = sorted(file for file in os.listdir(findings) if file.startswith(name + "-"))
    for file in kept:
        tell_finding(name, os.path.join(findings, file))
    if not kept:
        print("fuzz: libFuzzer kept no input")
    sys.stdout.flush()
    return False


def tell_finding(name, path):
    # libFuzzer prints inputs of up to 256 bytes only.
    with open(path, "rb") as file:
        text = base64.b64encode(file.read()).decode()
    print("fuzz: the input is kept here as %s; anywhere, it is run again by" % path)
    print("  echo '%s' | base64 -d >/tmp/input" % text)
    print("  ./tools/bazel run --config=fuzz //tests/fuzz:%s_fuzz -- /tmp/input" % name)


def main(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--can-run", action="store_true", help="only find out; prints why not")
    parser.add_argument("--runs", type=int, help="how many inputs each fuzzer gets")
    parser.add_argument("--seconds", type=int, help="for how long each is run, instead")
    parser.add_argument("--seed", type=int, help="1, or with --seconds another each time")
    parser.add_argument("names", nargs="*", metavar="NAME", help="as in tests/fuzz/corpus")
    options = parser.parse_args(arguments)

    reason = why_not()
    if reason:
        print("fuzz: libFuzzer is not run: " + reason)
        return os.EX_UNAVAILABLE
    if options.can_run:
        return 0

    findings = tempfile.mkdtemp(prefix="cleanfork-fuzz-")
    try:
        query = ask_bazel("query", "kind(cc_binary, //tests/fuzz:all)")
        found = [label.split(":")[1][: -len("_fuzz")] for label in sorted(query)]
        names = options.names or found
        unknown = sorted(set(names) - set(found))
        if unknown or not names:
            print("fuzz: no fuzzer %s; there are: %s" % (" ".join(unknown), " ".join(found)))
            return 1
        programs = build(names)
        # A list, so that one that does not hold keeps none from being run.
        held = [run(name, os.path.join(programs, name + "_fuzz"), options, findings)
                for name in names]
        return 0 if all(held) else 1
    except subprocess.CalledProcessError as error:
        print("fuzz: bazel %s: exit status %d" % (error.cmd[1], error.returncode))
        return 1
    finally:
        if not os.listdir(findings):
            shutil.rmtree(findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
