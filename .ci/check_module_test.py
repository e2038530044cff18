#!/usr/bin/env python3
"""Shows that check_module.py finds planted errors: python3 .ci/check_module_test.py"""

import os
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import check_module  # noqa: E402

TOP = os.path.dirname(HERE)
CONFIGURATION = ("BUILD.bazel", "MODULE.bazel", "WORKSPACE", "WORKSPACE.bzlmod", ".bazelignore")


class CheckModuleTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.top = scratch.name
        for directory, subdirectories, files in os.walk(TOP):
            subdirectories[:] = [d for d in subdirectories if not d.startswith((".", "bazel-"))]
            for name in files:
                if name in CONFIGURATION or name.endswith(".bzl"):
                    target = os.path.join(self.top, os.path.relpath(directory, TOP))
                    os.makedirs(target, exist_ok=True)
                    shutil.copy(os.path.join(directory, name), target)

    def plant(self, path, old, new):
        path = os.path.join(self.top, path)
        with open(path) as f:
            text = f.read()
        self.assertIn(old, text)
        with open(path, "w") as f:
            f.write(text.replace(old, new, 1))

    def add_package(self, text, package="planted"):
        os.makedirs(os.path.join(self.top, package), exist_ok=True)
        with open(os.path.join(self.top, package, "BUILD.bazel"), "w") as f:
            f.write('load("@rules_cc//cc:cc_library.bzl", "cc_library")\n' + text)

    def finds(self, text):
        problems = check_module.check(self.top)
        self.assertTrue(any(text in problem for problem in problems), problems)

    def test_the_workspace_as_it_is_is_sound(self):
        self.assertEqual(check_module.check(self.top), [])

    def test_a_misspelt_argument(self):
        self.plant("MODULE.bazel", "repo_name", "reponame")
        self.finds("unexpected keyword argument 'reponame'")

    def test_a_misspelt_call(self):
        self.plant("MODULE.bazel", "bazel_dep(", "bazel_deb(")
        self.finds("name 'bazel_deb' is not defined")

    def test_a_repository_that_only_the_offline_mode_has(self):
        self.plant("MODULE.bazel", 'repo_name = "com_google_absl"', 'repo_name = "absl"')
        self.add_package('cc_library(name = "p", deps = ["@com_google_absl//absl/status"])')
        self.finds("planted/BUILD.bazel: @com_google_absl is not in MODULE.bazel")

    def test_a_repository_that_only_the_registry_has(self):
        self.plant("MODULE.bazel", "bazel_dep(",
                   'bazel_dep(name = "re2", version = "2024-07-02")\n\nbazel_dep(')
        self.add_package('cc_library(name = "p", deps = ["@re2"])')
        self.finds("planted/BUILD.bazel: @re2 is not in WORKSPACE")

    def test_an_abseil_target_that_debian_bzl_does_not_name(self):
        self.add_package('cc_library(name = "p", deps = ["@com_google_absl//absl/random"])')
        self.finds("there is no @com_google_absl//absl/random:random offline")

    def test_a_label_in_a_select(self):
        self.add_package('cc_library(name = "p", deps = select({"//:x": ["@nowhere//:x"]}))')
        self.finds("@nowhere is not in MODULE.bazel")

    def test_a_label_in_a_list_comprehension(self):
        self.add_package('[cc_library(name = n, deps = ["@nowhere//:" + n]) for n in ["p", "q"]]')
        self.finds("planted/BUILD.bazel: @nowhere is not in WORKSPACE")

    def test_a_rule_without_load(self):
        self.add_package('cc_binary(name = "p")')
        self.finds("planted/BUILD.bazel: name 'cc_binary' is not defined or not loaded")

    def test_a_load_of_a_file_that_the_offline_mode_lacks(self):
        self.add_package('load("@rules_cc//cc:cc_import.bzl", "cc_import")')
        self.finds("there is no @rules_cc//cc:cc_import.bzl offline")

    def test_a_dev_dependency_in_what_users_build(self):
        label = "@com_github_google_benchmark//:benchmark"
        self.add_package('cc_library(name = "p", deps = ["%s"])' % label)
        self.finds("@com_github_google_benchmark is a dev_dependency")
        self.add_package("")
        self.add_package('cc_library(name = "p", deps = ["%s"])' % label, package="bench/planted")
        self.assertEqual(check_module.check(self.top), [])

    def test_a_consumer_that_uses_a_target_that_is_not_there(self):
        self.plant("examples/service/BUILD.bazel", '"@cleanfork"', '"@cleanfork//:mock_so"')
        self.finds("examples/service: BUILD.bazel: there is no @cleanfork//:mock_so offline")

    def test_a_consumer_without_an_override(self):
        self.plant("examples/service/MODULE.bazel", 'module_name = "cleanfork"',
                   'module_name = "other"')
        self.finds("cleanfork has neither version nor override")

    def test_a_workspace_bzlmod_that_says_something(self):
        self.plant("WORKSPACE.bzlmod", "#", "workspace()\n#")
        self.finds("WORKSPACE.bzlmod is not empty")


if __name__ == "__main__":
    unittest.main()
