#!/usr/bin/env python3
"""Shows that count.py turns red on everything that must not pass: python3 .ci/count_test.py"""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import count  # noqa: E402

PASSED = '<testcase name="a" status="run"/>'
FAILED = '<testcase name="b" status="run"><failure message="no"/></testcase>'
SKIPPED = '<testcase name="c" status="run"><skipped message="why"/></testcase>'
DISABLED = '<testcase name="DISABLED_d" status="notrun"/>'


class CountTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name
        self.events = []

    def built(self, label, success=True):
        event = {"id": {"targetCompleted": {"label": label}}}
        event.update({"completed": {"success": True}} if success else {"aborted": {}})
        self.events.append(event)

    def ran(self, label, cases, status="PASSED", mark=False, shard=1, attempt=1):
        """Adds what Bazel reports of one run of one test."""
        logs = os.path.join(self.directory, label.strip("/"), str(shard), str(attempt))
        os.makedirs(logs)
        xml = os.path.join(logs, "test.xml")
        with open(xml, "w") as f:
            f.write("<testsuites><testsuite>%s</testsuite></testsuites>" % "".join(cases))
        if mark:
            with open(os.path.join(logs, "test.exited_prematurely"), "w"):
                pass
        self.events.append({
            "id": {"testResult": {"label": label, "run": 1, "shard": shard, "attempt": attempt}},
            "testResult": {
                "status": status,
                "testActionOutput": [{"name": "test.xml", "uri": "file://" + xml}],
            },
        })
        self.events.append({
            "id": {"testSummary": {"label": label}},
            "testSummary": {"overallStatus": status},
        })

    def count(self, *steps, last=True, name="run.json"):
        """Returns exit code and last line for the events so far."""
        path = os.path.join(self.directory, name)
        with open(path, "w") as f:
            for event in self.events:
                f.write(json.dumps(event) + "\n")
            if last:
                f.write(json.dumps({"id": {"progress": {}}, "lastMessage": True}) + "\n")
        return self.run_on(path, *steps)

    def run_on(self, path, *steps):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = count.main(["--step=" + step for step in steps] + [path])
        self.said = out.getvalue()
        return code, self.said.splitlines()[-1]

    def test_cases_are_counted_not_targets(self):
        self.built("//:library")
        self.ran("//t:one", [PASSED, PASSED, SKIPPED])
        self.ran("//t:two", [PASSED, DISABLED])
        self.assertEqual(self.count("run=0"), (0, "3 passed, 0 failed, 2 skipped"))

    def test_every_shard_counts(self):
        self.ran("//t:one", [PASSED], shard=1)
        self.ran("//t:one", [PASSED, PASSED], shard=2)
        self.assertEqual(self.count(), (0, "3 passed, 0 failed, 0 skipped"))

    def test_a_failing_case_is_a_failure_and_counts_once(self):
        self.ran("//t:one", [PASSED, FAILED, FAILED], status="FAILED")
        self.assertEqual(self.count("run=3"), (1, "1 passed, 2 failed, 0 skipped"))

    def test_a_test_that_leaves_early_with_success_is_a_failure(self):
        self.ran("//t:good", [PASSED])
        self.ran("//t:early", [PASSED], mark=True)
        self.assertEqual(self.count("run=0"), (1, "2 passed, 1 failed, 0 skipped"))
        self.assertIn("//t:early: exited before its tests were done", self.said)

    def test_a_crash_is_a_failure_even_if_its_cases_look_well(self):
        self.ran("//t:crash", [PASSED], status="FAILED")
        self.assertEqual(self.count("run=3"), (1, "1 passed, 1 failed, 0 skipped"))

    def test_a_crash_counts_in_every_shard(self):
        self.ran("//t:crash", [PASSED], status="FAILED", shard=1)
        self.ran("//t:crash", [PASSED], status="FAILED", shard=2)
        self.assertEqual(self.count("run=3"), (1, "2 passed, 2 failed, 0 skipped"))

    def test_a_timeout_is_a_failure(self):
        self.ran("//t:slow", [PASSED], status="TIMEOUT")
        self.assertEqual(self.count("run=3"), (1, "1 passed, 1 failed, 0 skipped"))

    def test_a_test_without_cases_is_a_failure(self):
        self.ran("//t:good", [PASSED])
        self.ran("//t:empty", [])
        self.assertEqual(self.count("run=0"), (1, "1 passed, 1 failed, 0 skipped"))

    def test_a_test_whose_report_is_gone_is_a_failure(self):
        self.ran("//t:good", [PASSED])
        self.ran("//t:gone", [PASSED])
        os.remove(os.path.join(self.directory, "t:gone", "1", "1", "test.xml"))
        self.assertEqual(self.count("run=0"), (1, "1 passed, 1 failed, 0 skipped"))

    def test_a_target_that_does_not_compile_is_a_failure(self):
        self.ran("//t:good", [PASSED])
        self.built("//t:uncompilable", success=False)
        self.assertEqual(self.count("run=1"), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertIn("//t:uncompilable: NOT BUILT", self.said)

    def test_a_test_that_never_ran_is_a_failure(self):
        self.ran("//t:good", [PASSED])
        self.events.append({
            "id": {"testSummary": {"label": "//t:never"}},
            "testSummary": {"overallStatus": "NO_STATUS"},
        })
        self.assertEqual(self.count("run=0"), (1, "1 passed, 1 failed, 0 skipped"))

    def test_a_retry_that_passes_stands(self):
        self.ran("//t:flaky", [FAILED], status="FAILED", attempt=1)
        self.ran("//t:flaky", [PASSED], status="PASSED", attempt=2)
        self.assertEqual(self.count("run=0"), (0, "1 passed, 0 failed, 0 skipped"))

    def test_a_failed_step_is_a_failure(self):
        self.ran("//t:good", [PASSED])
        self.assertEqual(
            self.count("run=0", "check_deps=1"), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertIn("check_deps: exit status 1", self.said)

    def test_a_step_that_skipped_is_skipped(self):
        self.ran("//t:good", [PASSED])
        self.assertEqual(
            self.count("run=0", "fuzz=skipped"), (0, "1 passed, 0 failed, 1 skipped"))
        self.assertIn("fuzz: skipped", self.said)

    def test_a_step_that_skipped_alone_is_a_failure(self):
        self.assertEqual(self.count("fuzz=skipped"), (1, "0 passed, 1 failed, 1 skipped"))

    def test_a_run_of_bazel_cannot_skip(self):
        self.ran("//t:good", [PASSED])
        self.assertEqual(self.count("run=skipped"), (1, "1 passed, 1 failed, 0 skipped"))

    def test_a_run_that_failed_without_a_word_is_a_failure(self):
        self.ran("//t:good", [PASSED])
        self.assertEqual(self.count("run=1"), (1, "1 passed, 1 failed, 0 skipped"))

    def test_a_run_that_was_cut_off_is_a_failure(self):
        self.ran("//t:good", [PASSED])
        self.assertEqual(self.count("run=0", last=False), (1, "0 passed, 1 failed, 0 skipped"))

    def test_a_missing_event_file_is_a_failure(self):
        missing = os.path.join(self.directory, "missing.json")
        self.assertEqual(self.run_on(missing, "missing=0"), (1, "0 passed, 1 failed, 0 skipped"))

    def test_nothing_at_all_is_a_failure(self):
        self.assertEqual(self.count("run=0"), (1, "0 passed, 1 failed, 0 skipped"))


if __name__ == "__main__":
    unittest.main()
