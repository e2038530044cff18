#!/usr/bin/env python3
"""Tests of mutants.py, with a bazel that only looks at the text; and that the tables apply."""

import io
import os
import stat
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mutants

# Fails //t:finds and //t:slow where the text of a.cc is not "good", the latter after its time, and
# does not build "bad".
FAKE_BAZEL = """#!/bin/sh
grep -q bad a.cc && exit 1
case "$*" in
*//t:finds*) test=//t:finds result=FAILED;;
*--test_timeout=7*//t:slow*) test=//t:slow result=TIMEOUT;;
*//t:fails*) test=//t:fails result=FAILED;;
*) exit 0;;
esac
[ $test = //t:fails ] && { echo "$test  $result in 0.1s"; exit 3; }
grep -q good a.cc && { echo "$test  PASSED in 0.1s"; exit 0; }
echo "$test  $result in 0.1s"
exit 3
"""


def mutant(name="m", file="a.cc", old="good", new="other", targets=("//t:finds",)):
    return mutants.Mutant(name, file, old, new, list(targets))


class MutantsTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.directory = self.temporary.name
        self.root = os.path.join(self.directory, "tree")
        os.mkdir(self.root)
        self.write("a.cc", "good once\n")
        bazel = os.path.join(self.directory, "bazel")
        with open(bazel, "w", encoding="utf-8") as file:
            file.write(FAKE_BAZEL)
        os.chmod(bazel, stat.S_IRWXU)
        self.tree = mutants.Tree(self.directory, [], [bazel])

    def tearDown(self):
        self.temporary.cleanup()

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="utf-8") as file:
            file.write(text)

    def run_all(self, *all_mutants):
        out = io.StringIO()
        caught, problems = mutants.run(list(all_mutants), self.tree, out)
        return caught, "\n".join([out.getvalue()] + problems)

    def test_a_mutant_that_a_test_notices_is_caught_and_taken_back(self):
        caught, text = self.run_all(mutant())
        self.assertEqual(caught, 1)
        self.assertIn("caught by finds", text)
        with open(os.path.join(self.root, "a.cc"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "good once\n")

    def test_a_mutant_that_no_test_notices_survives(self):
        caught, text = self.run_all(mutant(targets=["//t:blind"]), mutant("n"))
        self.assertEqual(caught, 1)
        self.assertIn("SURVIVES", text)

    def test_one_that_the_first_tests_do_not_notice_is_shown_to_the_suite(self):
        shown = mutant(targets=["//t:blind"])._replace(suite=("//t:blind", "//t:finds"))
        caught, text = self.run_all(shown)
        self.assertEqual(caught, 1)
        self.assertIn("caught by finds", text)
        out = io.StringIO()
        self.assertEqual(mutants.run([shown], self.tree, out, first_only=True), (0, []))

    def test_a_suite_that_fails_anyway_notices_nothing(self):
        self.write("a.cc", "other good\n")
        suite = ("//t:blind", "//t:fails")
        caught, text = self.run_all(mutant(targets=["//t:blind"])._replace(suite=suite))
        self.assertEqual(caught, 0)
        self.assertIn("the suite fails without any mutant", text)

    def test_a_test_that_takes_longer_than_the_table_says_has_noticed_and_that_is_said(self):
        caught, text = self.run_all(mutant(targets=["//t:slow"])._replace(timeout=7))
        self.assertEqual(caught, 1)
        self.assertIn("caught by slow (time-out)", text)

    def test_who_survives_is_named_with_what_is_wrong_and_why_that_is_known(self):
        survivor = mutant(targets=["//t:blind"])._replace(why="no lock", survives="no rule")
        caught, text = self.run_all(survivor)
        self.assertEqual(caught, 0)
        self.assertIn("survives: m: no lock (known: no rule)", text)

    def test_a_known_survivor_that_is_caught_is_a_problem(self):
        _, text = self.run_all(mutant()._replace(survives="no rule"))
        self.assertIn("m: is among the survivors of its table, and caught", text)

    def test_a_mutant_that_does_not_build_is_an_error_that_names_it(self):
        caught, text = self.run_all(mutant(new="bad"), mutant("n"))
        self.assertEqual(caught, 1)
        self.assertIn("m: does not build", text)

    def test_tests_that_fail_anyway_are_an_error(self):
        self.write("a.cc", "other\n")
        with self.assertRaisesRegex(mutants.Broken, "without any mutant"):
            self.run_all(mutant(old="other", new="more"))

    def test_text_that_is_no_longer_there_is_a_problem_that_names_the_mutant(self):
        problems = mutants.problems_of([mutant(old="gone")], self.root)
        self.assertEqual(problems, ["m: its text stands 0 times in a.cc, not once"])
        self.assertEqual(mutants.problems_of([mutant()], self.root), [])

    def test_other_problems_of_a_table_are_named(self):
        self.write("a.cc", "good good\n")
        broken = [mutant(), mutant(), mutant("f", "b.cc"), mutant("s", new="good", targets=[])]
        self.assertEqual(
            mutants.problems_of(broken, self.root),
            [
                "m: its text stands 2 times in a.cc, not once",
                "m: there are two of that name",
                "m: its text stands 2 times in a.cc, not once",
                "f: there is no file b.cc",
                "s: its text stands 2 times in a.cc, not once",
                "s: changes nothing",
                "s: no test is to notice it",
            ],
        )

    def test_a_number_chooses_by_the_commit(self):
        many = [mutant(str(i)) for i in range(50)]
        first = mutants.choose(many, "5", "c1")
        self.assertEqual(len(first), 5)
        self.assertEqual(first, mutants.choose(many, "5", "c1"))
        self.assertNotEqual(first, mutants.choose(many, "5", "c2"))
        self.assertEqual(mutants.choose(many, "", "c1"), many)

    def test_a_number_is_of_each_table_without_its_survivors(self):
        many = [mutant(str(i))._replace(table="a") for i in range(9)]
        many += [mutant("b" + str(i))._replace(table="b") for i in range(3)]
        many[9] = many[9]._replace(survives="no rule")
        tables = [chosen.table for chosen in mutants.choose(many, "5", "c1")]
        self.assertEqual(tables, ["a"] * 5 + ["b"] * 2)

    def test_names_choose_and_unknown_ones_are_an_error(self):
        many = [mutant("a"), mutant("b"), mutant("c")]
        self.assertEqual(mutants.choose(many, "c,a", ""), [many[0], many[2]])
        with self.assertRaisesRegex(mutants.Broken, "no such mutant: d"):
            mutants.choose(many, "a,d", "")

    def test_a_copy_has_what_is_not_committed_and_nothing_that_was_built(self):
        to = os.path.join(self.directory, "copy")
        mutants.copy_tree(mutants.ROOT, to)
        for name in ("BUILD.bazel", "tools/bazel", "tests/mutants/mutants.py"):
            self.assertTrue(os.path.exists(os.path.join(to, name)), name)
        self.assertTrue(os.access(os.path.join(to, "tools", "bazel"), os.X_OK))
        self.assertFalse([name for name in os.listdir(to) if name.startswith("bazel-")])

    def test_the_tables_apply_to_this_tree(self):
        tables = mutants.load_tables([])
        self.assertEqual(mutants.problems_of(tables, mutants.ROOT), [])
        self.assertGreaterEqual(len(mutants.load_tables(["sim"])), 40)
        self.assertGreaterEqual(len(mutants.load_tables(["src"])), 60)

    def test_mutants_of_src_are_shown_to_what_explores_it_alone(self):
        for each in mutants.load_tables(["src"]):
            self.assertTrue(each.file.startswith("src/"), each.name)
            self.assertTrue(each.why, each.name)
            self.assertEqual(set(each.targets) - set(each.suite), set(), each.name)
            for target in each.suite:
                self.assertTrue(target.startswith("//tests/explore:"), target)

    def test_the_documents_say_how_many_there_are(self):
        src = mutants.load_tables(["src"])
        caught = len([each for each in src if not each.survives])
        share = "%d of them, %.1f %%" % (caught, 100 * caught / len(src))
        said = {
            "CONTRIBUTING.md": [
                "each of %d broken kernels" % len(mutants.load_tables(["sim"])),
                "notices %d ways to break" % len(src),
            ],
            "docs/explorer.md": ["%d ways, one at a time" % len(src), share],
        }
        for name, texts in said.items():
            with open(os.path.join(mutants.ROOT, name), encoding="utf-8") as file:
                document = " ".join(file.read().split())
            for text in texts:
                self.assertIn(text, document, name)

    def test_a_table_that_is_not_there_is_an_error(self):
        with self.assertRaisesRegex(mutants.Broken, "no table nothing"):
            mutants.load_tables(["nothing"])


if __name__ == "__main__":
    unittest.main()
