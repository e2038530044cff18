#!/usr/bin/env python3
"""Checks MODULE.bazel, which the Bazel of Debian cannot run, against what is used.

Evaluates MODULE.bazel, WORKSPACE, third_party/debian.bzl and every BUILD file of
this workspace and of examples/service with stubs: Starlark is near enough to
Python. Then
  - each call in MODULE.bazel has arguments that Bazel 8 knows;
  - each external repository used is declared in both modes, one declared as
    dev_dependency only where no user's build looks;
  - each external target used exists in the offline mode (third_party/debian.bzl
    gives them upstream's own names, so that they are there in the other as well);
  - each rule used is loaded, as Bazel 9 demands, from a file that both modes have;
  - WORKSPACE.bzlmod, which Bazel 7 reads in WORKSPACE's place, says nothing.
It does not resolve versions: that takes Bazel 7 or later and the registry.
"""

import os
import re
import sys

# Usable in a BUILD file without load() in Bazel 4 and in Bazel 9 alike.
NATIVE_RULES = ["alias", "config_setting", "filegroup", "genrule", "test_suite"]
NATIVE_CALLS = ["exports_files", "licenses", "package", "package_group"]

# A dev_dependency is there for the root module alone: what users build may not need it.
DEV_PACKAGES = ["bench", "tests"]

STARLARK = {
    function.__name__: function
    for function in (dict, enumerate, len, list, range, repr, sorted, str, zip)
}

# There in every mode without a declaration.
BUILT_IN = ["bazel_tools"]


class Struct:
    def __init__(self, **fields):
        self.__dict__.update(fields)


class Anything:
    """Stands for what is not evaluated: calls and attributes of it are it again."""

    def __call__(self, *args, **kwargs):
        return self

    def __getattr__(self, name):
        return self


class Workspace:
    """What the files in one directory declare and use; `problems` is what is wrong."""

    def __init__(self, top, path, problems):
        self.top = top
        self.path = path
        self.directory = os.path.join(top, path)
        self.problems = problems
        self.name = ""
        self.offline = {}  # repository -> {package: names of targets and .bzl files, or None}
        self.modules = {}  # repository -> Struct(name, dev)
        self.used = []     # (file, package, label)

    def complain(self, text, *args):
        self.problems.append((self.path + ": " if self.path else "") + text % args)

    def run(self, path, scope, text=None):
        """Executes a file, or `text` in its name, with the names in `scope`, to which it adds."""
        if text is None:
            with open(os.path.join(self.directory, path)) as f:
                text = f.read()
        scope["__builtins__"] = STARLARK
        try:
            exec(compile(text, path, "exec"), scope)
        except NameError as error:
            self.complain("%s: %s or not loaded", path, error)
        except Exception as error:  # whatever the file does wrong
            self.complain("%s: %s", path, error)

    # MODULE.bazel

    def run_module(self):
        overridden, unversioned = set(), {}

        def module(*, name, version="", compatibility_level=0, repo_name="",
                   bazel_compatibility=()):
            self.modules[repo_name or name] = Struct(name=name, dev=False)
            if name != self.name:
                self.complain("module %s, but workspace %s", name, self.name)

        def bazel_dep(*, name, version="", max_compatibility_level=-1, repo_name="",
                      dev_dependency=False):
            if (repo_name or name) in self.modules:
                self.complain("MODULE.bazel declares %s twice", repo_name or name)
            self.modules[repo_name or name] = Struct(name=name, dev=dev_dependency)
            if not version:
                unversioned[name] = True

        def local_path_override(*, module_name, path):
            overridden.add(module_name)
            if not os.path.exists(os.path.join(self.directory, path, "MODULE.bazel")):
                self.complain("MODULE.bazel: no module in %s", path)

        self.run("MODULE.bazel", {
            "module": module,
            "bazel_dep": bazel_dep,
            "local_path_override": local_path_override,
        })
        for name in unversioned:
            if name not in overridden:
                self.complain("MODULE.bazel: %s has neither version nor override", name)

        path = os.path.join(self.directory, "WORKSPACE.bzlmod")
        if not os.path.exists(path):
            self.complain("WORKSPACE.bzlmod is missing")
        else:
            with open(path) as f:
                if any(line.strip() and not line.startswith("#") for line in f):
                    self.complain("WORKSPACE.bzlmod is not empty")

    # WORKSPACE

    def run_workspace(self):
        def workspace(*, name):
            self.name = name
            self.offline[name] = {}

        def local_repository(*, name, path):
            other = Workspace(self.top, os.path.normpath(os.path.join(self.path, path)), [])
            self.offline[name] = other.run_builds(None)

        def load(path, *symbols):
            if not path.endswith("//third_party:debian.bzl"):
                self.complain("WORKSPACE loads %s", path)
            for symbol in symbols:
                names[symbol] = self.debian(symbol)

        names = {"workspace": workspace, "local_repository": local_repository, "load": load}
        self.run("WORKSPACE", names)

    def debian(self, symbol):
        """The macro of that name in debian.bzl, declaring into this workspace."""
        scope = {}

        def repository_rule(implementation, attrs=None, local=False):
            def declare(*, name, **attributes):
                unknown = set(attributes) - set(attrs or {})
                if unknown:
                    self.complain("debian.bzl: %s has no attribute %s", name, ", ".join(unknown))
                self.offline[name] = self.debian_targets(name, attributes, scope)
            return declare

        with open(os.path.join(self.top, "third_party/debian.bzl")) as f:
            text = f.read()
        scope.update(repository_rule=repository_rule, attr=Anything(), fail=Anything())
        self.run("third_party/debian.bzl", scope, text)
        return scope[symbol]

    def debian_targets(self, name, attributes, scope):
        if "files" in attributes:  # whole files
            files = attributes["files"]
            targets = {}
            for path, text in files.items():
                package = targets.setdefault(os.path.dirname(path), set())
                if path.endswith("BUILD.bazel"):
                    package.update(self.names_in(path, text))
                else:
                    symbols = set(re.findall(r"^(\w+) =", text, re.M))
                    package.add(Struct(file=os.path.basename(path), symbols=symbols))
            return targets
        if "build" in attributes:  # the one BUILD file
            return {"": self.names_in(name, attributes["build"])}
        return {package: set(targets) for package, targets in scope["_ABSL"].items()}

    def names_in(self, path, text):
        names = set()

        def rule(*, name, **attributes):
            names.add(name)
        stubs = {kind: rule for kind in NATIVE_RULES + ["cc_library"]}
        stubs.update({call: Anything() for call in NATIVE_CALLS})
        self.run(path, stubs, text)
        return names

    # BUILD files

    def build_files(self):
        nested = set()
        ignore = os.path.join(self.directory, ".bazelignore")
        if os.path.exists(ignore):
            with open(ignore) as f:
                nested = set(f.read().split())
        for directory, subdirectories, files in os.walk(self.directory):
            package = os.path.relpath(directory, self.directory)
            package = "" if package == "." else package
            subdirectories[:] = sorted(
                d for d in subdirectories
                if not d.startswith((".", "bazel-")) and os.path.join(package, d) not in nested)
            if "BUILD.bazel" in files:
                yield package
            elif "BUILD" in files:
                self.complain("%s/BUILD: call it BUILD.bazel", package)

    def run_builds(self, check_load):
        """Returns {package: names}; tells check_load(package, label, symbols) of every load."""
        packages = {}
        for package in self.build_files():
            packages[package] = self.run_build(package, check_load)
        return packages

    def run_build(self, package, check_load):
        path = os.path.join(package, "BUILD.bazel")
        names = set()

        def note(value):
            if isinstance(value, str) and value.startswith("@"):
                self.used.append((path, package, value))
            elif isinstance(value, (list, tuple)):
                for element in value:
                    note(element)
            elif isinstance(value, dict):
                note(list(value.keys()))
                note(list(value.values()))

        def rule(*, name, **attributes):
            names.add(name)
            note(list(attributes.values()))

        def select(branches, no_match_error=""):
            note(branches)
            return next(iter(branches.values()))

        def load(label, *symbols, **renamed):
            for symbol in symbols + tuple(renamed):
                stubs[symbol] = rule
            if check_load:
                check_load(path, package, label, symbols + tuple(renamed.values()))

        stubs = {kind: rule for kind in NATIVE_RULES}
        stubs.update({call: Anything() for call in NATIVE_CALLS})
        stubs.update({"select": select, "load": load, "glob": lambda *a, **k: []})
        self.run(path, stubs)
        return names

    # The comparison

    def check_repository(self, path, package, repository):
        """Says whether the repository may be looked into."""
        if repository in BUILT_IN or repository == self.name:
            return False
        known = True
        if repository not in self.offline:
            self.complain("%s: @%s is not in WORKSPACE", path, repository)
            known = False
        module = self.modules.get(repository)
        if module is None:
            self.complain("%s: @%s is not in MODULE.bazel", path, repository)
        elif module.dev and self.name == "cleanfork":
            if package.split("/")[0] not in DEV_PACKAGES:
                self.complain("%s: @%s is a dev_dependency: only %s may use it",
                              path, repository, ", ".join(DEV_PACKAGES))
        return known

    def check_load(self, path, package, label, symbols):
        match = re.fullmatch(r"@(\w+)//([^:]*):(.*)", label)
        if not match:
            self.complain("%s: load(%r) is not evaluated here: teach check_module.py", path, label)
            return
        repository, directory, file = match.groups()
        if not self.check_repository(path, package, repository):
            return
        for entry in self.offline[repository].get(directory, ()):
            if getattr(entry, "file", None) == file:
                for symbol in set(symbols) - entry.symbols:
                    self.complain("%s: %s has no %s offline", path, label, symbol)
                return
        self.complain("%s: there is no %s offline", path, label)

    def check(self):
        self.run_workspace()
        self.run_module()
        self.run_builds(self.check_load)
        for path, package, label in self.used:
            match = re.fullmatch(r"@(\w+)(?://([^:]*)(?::(.*))?)?", label)
            if not match:
                self.complain("%s: %r is not a label", path, label)
                continue
            repository, directory, target = match.groups()
            directory = directory or ""
            target = target or directory.split("/")[-1] or repository
            if self.check_repository(path, package, repository):
                if target not in self.offline[repository].get(directory, ()):
                    self.complain("%s: there is no @%s//%s:%s offline",
                                  path, repository, directory, target)


def check(top):
    """Returns what is wrong, a line each."""
    problems = []
    for path in ("", "examples/service"):
        workspace = Workspace(top, path, problems)
        workspace.check()
        if not workspace.used:
            workspace.complain("no external label is used: nothing was checked")
    return list(dict.fromkeys(problems))


def main():
    problems = check(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
