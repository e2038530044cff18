#!/usr/bin/env python3
"""Shows that check_deps.py finds what it is for: python3 .ci/check_deps_test.py"""

import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_deps  # noqa: E402


def rule(name, kind="cc_library", strip="", **lists):
    text = '<rule class="%s" name="%s">' % (kind, name)
    if strip:
        text += '<string name="strip_include_prefix" value="%s"/>' % strip
    for attribute, labels in lists.items():
        text += '<list name="%s">' % attribute
        text += "".join('<label value="%s"/>' % label for label in labels) + "</list>"
    return text + "</rule>"


OS = rule("//:os", strip="include", hdrs=["//:include/cleanfork/os.h"])


class CheckDepsTest(unittest.TestCase):
    def check(self, *rules, **files):
        texts = {path.replace("__", "/") + ".cc": text for path, text in files.items()}
        query = "<query>" + "".join(rules) + "</query>"
        return check_deps.check(query, lambda path: texts.get(path))

    def test_a_declared_dependency_is_sound(self):
        user = rule("//t:user", srcs=["//t:a.cc"], deps=["//:os", "@com_google_absl//absl/status"])
        text = '#include "absl/status/status.h"\n#include "cleanfork/os.h"\n#include <vector>\n'
        self.assertEqual(self.check(OS, user, t__a=text), [])

    def test_own_headers_need_no_dependency(self):
        user = rule("//t:user", srcs=["//t:a.cc", "//t:a.h", "//t:b.h"])
        self.assertEqual(self.check(user, t__a='#include "t/a.h"\n#include "b.h"\n'), [])

    def test_an_own_header_of_another_target_needs_it(self):
        user = rule("//t:user", srcs=["//t:a.cc"], deps=["//:other"])
        other = rule("//:other", deps=["//:os"])
        self.assertEqual(
            self.check(OS, other, user, t__a='#include "cleanfork/os.h"\n'),
            ["//t:user: t/a.cc includes cleanfork/os.h, but does not depend on //:os"])

    def test_the_library_exports_the_seam(self):
        user = rule("//t:user", srcs=["//t:a.cc"], deps=["//:cleanfork"])
        library = rule("//:cleanfork", deps=["//:os"])
        self.assertEqual(self.check(OS, library, user, t__a='#include "cleanfork/os.h"\n'), [])

    def test_a_consumer_needs_the_library(self):
        user = rule("//:svc", srcs=["//:svc.cc"])
        problem = "//:svc: svc.cc includes cleanfork/os.h, but does not depend on @cleanfork//"
        self.assertEqual(self.check(user, svc='#include "cleanfork/os.h"\n'), [problem])
        user = rule("//:svc", srcs=["//:svc.cc"], deps=["@cleanfork//:cleanfork"])
        self.assertEqual(self.check(user, svc='#include "cleanfork/os.h"\n'), [])

    def test_a_header_that_nobody_exports_is_told(self):
        user = rule("//t:user", srcs=["//t:a.cc"], deps=["//:os"])
        self.assertEqual(
            self.check(OS, user, t__a='#include "src/secret.h"\n'),
            ["//t:user: t/a.cc includes src/secret.h, but no target exports it"])

    def test_a_list_of_files_needs_nothing(self):
        files = rule("//t:files", kind="filegroup", srcs=["//t:a.cc"])
        self.assertEqual(self.check(files, t__a='#include "src/secret.h"\n'), [])

    def test_abseil_needs_a_target_of_the_headers_package(self):
        user = rule("//t:user", srcs=["//t:a.cc"], deps=["@com_google_absl//absl/status:statusor"])
        self.assertEqual(
            self.check(user, t__a='#include "absl/strings/str_cat.h"\n'),
            ["//t:user: t/a.cc includes absl/strings/str_cat.h, but does not depend on "
             "@com_google_absl//absl/strings"])

    def test_angle_brackets_do_not_hide_googletest(self):
        user = rule("//t:user", kind="cc_test", srcs=["//t:a.cc"])
        self.assertEqual(
            self.check(user, t__a="#include <gmock/gmock.h>\n"),
            ["//t:user: t/a.cc includes gmock/gmock.h, but does not depend on "
             "@com_google_googletest//"])

    def test_a_shipped_library_must_be_under_the_symbol_test(self):
        test = rule("//tests/tidy:symbols_test", kind="cc_test", data=["//tests/tidy:archives"])
        archives = rule("//tests/tidy:archives", kind="filegroup", srcs=["//:os"])
        watched = rule("//:os", srcs=["//:src/names.cc"])
        forgotten = rule("//src/child:child", srcs=["//src/child:interpreter.cc"])
        headers = rule("//:headers", hdrs=["//:include/cleanfork/headers.h"])
        fixture = rule("//tests:fixture", srcs=["//tests:fixture.cc"])
        self.assertEqual(
            self.check(test, archives, watched, forgotten, headers, fixture),
            ["//src/child:child is not among what //tests/tidy:symbols_test reads"])


if __name__ == "__main__":
    unittest.main()
