#!/usr/bin/env python3
"""Tests of fuzz.py, with programs that only look like clang, Bazel and fuzzers."""

import base64
import contextlib
import io
import os
import stat
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fuzz

STATS = "echo 'stat::number_of_executed_units: 20'; echo 'stat::new_units_added:          3'\n"
# Writes down what it was told, and does as libFuzzer does when all holds.
HOLDS = 'echo "$@" >>"$0.told"\n' + STATS
# Longer than the inputs that libFuzzer prints itself.
INPUT = b"ab\x00\xff" * 100
# Keeps an input as libFuzzer does, and exits as it does, with its default of -error_exitcode.
CRASHES = """
for word; do case $word in -artifact_prefix=*) prefix=${word#*=};; esac; done
i=0
while [ $i -lt 100 ]; do printf 'ab\\000\\377'; i=$((i + 1)); done >"${prefix}crash-1234"
echo 'it does not hold that'
exit 77
"""
CLANG = """
for word; do last=$word; done
printf '#!/bin/sh\\n' >"$last"
chmod +x "$last"
"""


class FuzzTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name
        self.temporary = os.path.join(self.directory, "tmp")
        self.programs = os.path.join(self.directory, "bin", "tests", "fuzz")
        os.makedirs(self.programs)
        os.mkdir(self.temporary)
        self.write("clang", CLANG)
        self.bazel()
        for patch in (
            mock.patch.object(fuzz, "BAZEL", os.path.join(self.directory, "bazel")),
            mock.patch.object(tempfile, "tempdir", self.temporary),
            mock.patch.dict(os.environ, PATH=self.directory + ":/usr/bin:/bin"),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def write(self, name, text, directory=None):
        path = os.path.join(directory or self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, stat.S_IRWXU)

    def bazel(self, build_status=0):
        self.write("bazel", """
case $1 in
query) cd '%s'; for file in *_fuzz; do echo "//tests/fuzz:$file"; done;;
build) echo "$@" >>"$0.built"; exit %d;;
info) echo '%s';;
esac
""" % (self.programs, build_status, os.path.join(self.directory, "bin")))

    def fuzzer(self, name, text):
        self.write(name + "_fuzz", text, self.programs)

    def told(self, name):
        with open(os.path.join(self.programs, name + "_fuzz.told"), encoding="utf-8") as file:
            return file.read().split()

    def run_fuzz(self, *arguments):
        """Returns the exit code."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = fuzz.main(list(arguments))
        self.said = out.getvalue()
        return code

    def test_every_fuzzer_is_built_and_run(self):
        self.fuzzer("pid_file", HOLDS)
        self.fuzzer("replay_line", HOLDS)
        self.assertEqual(self.run_fuzz(), 0)
        with open(os.path.join(self.directory, "bazel.built"), encoding="utf-8") as file:
            built = file.read()
        for name in ("pid_file", "replay_line"):
            self.assertIn("//tests/fuzz:%s_fuzz" % name, built)
            self.assertIn("fuzz: %s: 20 runs, 3 new units, all held" % name, self.said)
        self.assertEqual(os.listdir(self.temporary), [])

    def test_runs_are_the_same_each_time_and_leave_the_corpus_alone(self):
        self.fuzzer("pid_file", HOLDS)
        self.assertEqual(self.run_fuzz(), 0)
        told = self.told("pid_file")
        self.assertIn("-runs=%d" % fuzz.RUNS["pid_file"], told)
        self.assertIn("-seed=1", told)
        corpus = os.path.join(fuzz.HERE, "corpus", "pid_file")
        self.assertEqual(told[-1], corpus)
        self.assertTrue(os.path.isdir(corpus))
        # The first directory is what libFuzzer writes to.
        directories = [word for word in told if not word.startswith("-")]
        self.assertEqual(len(directories), 2)
        self.assertEqual(os.path.dirname(directories[0]), self.temporary)

    def test_every_fuzzer_has_a_corpus_and_a_dictionary(self):
        for name in os.listdir(fuzz.HERE):
            if name.endswith("_fuzz.cc"):
                self.fuzzer(name[: -len("_fuzz.cc")], HOLDS)
        self.assertEqual(self.run_fuzz(), 0)
        for told in filter(lambda f: f.endswith(".told"), os.listdir(self.programs)):
            words = self.told(told[: -len("_fuzz.told")])
            self.assertTrue(os.listdir(words[-1]))
            dictionaries = [word for word in words if word.startswith("-dict=")]
            self.assertTrue(os.path.isfile(dictionaries[0][len("-dict="):]), dictionaries)

    def test_more_runs_other_seeds_and_a_time_can_be_asked_for(self):
        self.fuzzer("pid_file", HOLDS)
        self.assertEqual(self.run_fuzz("--runs=7", "--seed=9", "pid_file"), 0)
        self.assertLessEqual({"-runs=7", "-seed=9"}, set(self.told("pid_file")))
        os.remove(os.path.join(self.programs, "pid_file_fuzz.told"))
        self.assertEqual(self.run_fuzz("--seconds=5", "pid_file"), 0)
        told = " ".join(self.told("pid_file"))
        self.assertIn("-max_total_time=5", told)
        self.assertNotIn("-seed=", told)
        self.assertNotIn("-runs=", told)

    def test_a_crash_fails_and_is_told_with_what_runs_it_again(self):
        self.fuzzer("notify_message", CRASHES)
        self.fuzzer("pid_file", HOLDS)
        self.assertEqual(self.run_fuzz(), 1)
        self.assertIn("it does not hold that\n", self.said)
        self.assertIn("echo '%s' | base64 -d" % base64.b64encode(INPUT).decode(), self.said)
        self.assertIn("--config=fuzz //tests/fuzz:notify_message_fuzz -- /tmp/input", self.said)
        kept, = os.listdir(self.temporary)
        path = os.path.join(self.temporary, kept, "notify_message-crash-1234")
        self.assertIn(path, self.said)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), INPUT)
        self.assertIn("fuzz: pid_file: 20 runs", self.said)  # the next was run all the same

    def test_a_crash_of_the_last_fuzzer_fails_as_well(self):
        self.fuzzer("notify_message", HOLDS)
        self.fuzzer("pid_file", CRASHES)
        self.assertEqual(self.run_fuzz(), 1)

    def test_a_crash_that_left_no_input_fails(self):
        self.fuzzer("pid_file", STATS + "exit 1")
        self.assertEqual(self.run_fuzz(), 1)
        self.assertIn("fuzz: libFuzzer kept no input", self.said)

    def test_a_fuzzer_that_leaves_early_with_success_fails(self):
        self.fuzzer("pid_file", "exit 0")
        self.assertEqual(self.run_fuzz(), 1)
        self.assertIn("fuzz: pid_file: left before its runs were done", self.said)

    def test_what_is_not_built_fails(self):
        self.bazel(build_status=1)
        self.fuzzer("pid_file", HOLDS)
        self.assertEqual(self.run_fuzz(), 1)
        self.assertIn("fuzz: bazel build: exit status 1", self.said)

    def test_a_name_that_no_fuzzer_has_fails(self):
        self.fuzzer("pid_file", HOLDS)
        self.assertEqual(self.run_fuzz("pid_fil"), 1)
        self.assertIn("no fuzzer pid_fil; there are: pid_file", self.said)

    def test_without_clang_nothing_is_run_and_that_is_said(self):
        self.fuzzer("pid_file", HOLDS)
        with mock.patch.dict(os.environ, PATH=self.programs):
            self.assertEqual(self.run_fuzz(), os.EX_UNAVAILABLE)
        self.assertIn("libFuzzer is not run: there is no clang", self.said)
        self.assertFalse(os.path.exists(os.path.join(self.directory, "bazel.built")))

    def test_without_its_libfuzzer_too_and_clang_says_why(self):
        self.write("clang", "echo 'cannot find libclang_rt.fuzzer' >&2; exit 1")
        self.assertEqual(self.run_fuzz(), os.EX_UNAVAILABLE)
        self.assertIn("libFuzzer is not run: clang links no libFuzzer", self.said)
        self.assertIn("cannot find libclang_rt.fuzzer", self.said)

    def test_where_its_programs_do_not_run_too(self):
        self.write("clang", CLANG.replace("/bin/sh\\n", "/bin/sh\\necho no shadow; exit 1\\n"))
        self.assertEqual(self.run_fuzz(), os.EX_UNAVAILABLE)
        self.assertIn("does not run:\nno shadow", self.said)

    def test_whether_it_can_run_is_told_without_a_build(self):
        self.assertEqual(self.run_fuzz("--can-run"), 0)
        self.assertFalse(os.path.exists(os.path.join(self.directory, "bazel.built")))
        self.write("clang", "exit 1")
        self.assertEqual(self.run_fuzz("--can-run"), os.EX_UNAVAILABLE)


if __name__ == "__main__":
    unittest.main()
