// Only real_os imports system calls; what runs between fork and exec imports next to nothing.
// Checked over the objects that are shipped, in whatever configuration this test is built in.
#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tidy/elf_symbols.h"
#include "tests/tidy/symbol_zones.h"
#include "tests/tidy/system_calls.h"

namespace cleanfork::tidy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

bool EndsWith(const std::string& text, const std::string& suffix) {
  return text.size() >= suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// The archives among the paths in an environment variable, which tests/tidy/BUILD.bazel sets.
std::vector<std::string> Archives(const char* variable) {
  const char* paths = std::getenv(variable);
  std::vector<std::string> archives;
  std::istringstream words(paths != nullptr ? paths : "");
  for (std::string path; words >> path;) {
    if (EndsWith(path, ".a") || EndsWith(path, ".lo")) archives.push_back(path);
  }
  return archives;
}

std::vector<Object> Objects(const char* variable) {
  std::vector<Object> objects;
  for (const std::string& archive : Archives(variable)) {
    for (Object& object : ReadArchive(archive)) objects.push_back(std::move(object));
  }
  return objects;
}

Object FindObject(const char* variable, const std::string& name) {
  for (Object& object : Objects(variable)) {
    if (object.name == name) return object;
  }
  ADD_FAILURE() << "no object " << name << " in " << variable;
  return {};
}

Object Importing(const std::string& object, const std::string& symbol) {
  return {object, {symbol}, {}};
}

TEST(EveryObject, KeepsToTheRulesOfItsZone) {
  struct {
    const char* variable;
    Zone zone;
  } const zones[] = {{"LIBRARY_ARCHIVES", Zone::kLibrary},
                     {"CHILD_ARCHIVES", Zone::kChild},
                     {"COMMAND_ARCHIVES", Zone::kCommand},
                     {"DOUBLES_ARCHIVES", Zone::kDoubles}};
  ASSERT_NE(std::getenv("LIBRARY_ARCHIVES"), nullptr);
  for (const auto& zone : zones) {
    if (std::getenv(zone.variable) == nullptr) continue;
    const std::vector<Object> objects = Objects(zone.variable);
    EXPECT_THAT(objects, Not(IsEmpty())) << zone.variable;
    for (const Object& object : objects) {
      EXPECT_THAT(ForbiddenImports(zone.zone, object), IsEmpty()) << "in " << object.name;
    }
  }
}

TEST(EveryObject, ThatRunsBetweenForkAndExecIsInTheStrictestZone) {
  ASSERT_THAT(Archives("LIBRARY_ARCHIVES"), Not(IsEmpty()));
  for (const char* variable : {"LIBRARY_ARCHIVES", "COMMAND_ARCHIVES", "DOUBLES_ARCHIVES"}) {
    for (const std::string& archive : Archives(variable)) {
      EXPECT_EQ(archive.find("src/child"), std::string::npos) << archive << " in " << variable;
    }
  }
}

// The checker itself -------------------------------------------------------------------------

TEST(Reader, SeesWhatRealOsImportsAndDefines) {
  const Object real_os = FindObject("LIBRARY_ARCHIVES", "real_os");
  const auto calls_of = [](std::vector<std::string> symbols) {
    for (std::string& symbol : symbols) symbol = CanonicalName(symbol);
    return symbols;
  };
  EXPECT_THAT(calls_of(real_os.imported), Contains("fork"));
  EXPECT_THAT(calls_of(real_os.imported), Contains("waitpid"));
  EXPECT_THAT(real_os.defined, Contains("_ZN9cleanfork6RealOsEv"));
}

TEST(Reader, RefusesWhatIsNoArchive) {
  EXPECT_THROW(ReadArchive("/nonexistent"), std::runtime_error);
  EXPECT_THROW(ReadArchive("/proc/self/exe"), std::runtime_error);
}

TEST(Checker, FindsAForkOutsideRealOs) {
  const Object planted = FindObject("PLANTED_ARCHIVES", "planted_fork");
  for (Zone zone : {Zone::kLibrary, Zone::kCommand, Zone::kDoubles, Zone::kChild}) {
    const std::vector<std::string> found = ForbiddenImports(zone, planted);
    ASSERT_EQ(found.size(), 1u) << testing::PrintToString(found);
    EXPECT_EQ(CanonicalName(found[0]), "fork");
  }
}

TEST(Checker, FindsAnAllocationBetweenForkAndExec) {
  const Object planted = FindObject("PLANTED_ARCHIVES", "planted_malloc");
  EXPECT_THAT(ForbiddenImports(Zone::kChild, planted), ElementsAre("malloc"));
  EXPECT_THAT(ForbiddenImports(Zone::kLibrary, planted), IsEmpty());
}

TEST(Checker, LetsCleanCodePassInTheStrictestZone) {
  const Object planted = FindObject("PLANTED_ARCHIVES", "planted_clean");
  EXPECT_THAT(planted.imported, Contains("_ZN9cleanfork13PlantedCalleeEPc"));
  EXPECT_THAT(ForbiddenImports(Zone::kChild, planted), IsEmpty());
}

TEST(Checker, KnowsACallUnderItsOtherNames) {
  for (const char* symbol : {"fork",
                             "_Fork",
                             "__libc_fork",
                             "__gcov_fork",
                             "open64",
                             "__open64_2",
                             "__read_chk",
                             "_exit",
                             "__sigaction",
                             "posix_spawnp",
                             "execvpe",
                             "getpwnam_r",
                             "getgrouplist",
                             "__gcov_execve",
                             "__fxstat64",
                             "environ",
                             "__environ",
                             "secure_getenv",
                             "time",
                             "_ZNSt6chrono3_V212steady_clock3nowEv",
                             "_ZN4absl12lts_202206233NowEv",
                             "AbslInternalSleepFor_lts_20220623",
                             "_ZNSt14basic_ifstreamIcSt11char_traitsIcEEC1Ev"}) {
    EXPECT_EQ(KindOfSymbol(symbol), CallKind::kSystem) << symbol;
  }
  for (const char* symbol : {"pthread_mutex_lock", "__pthread_key_create", "_ZNSt6thread4joinEv",
                             "_ZN4absl12lts_202206235Mutex4LockEv"}) {
    EXPECT_EQ(KindOfSymbol(symbol), CallKind::kThreading) << symbol;
  }
  for (const char* symbol : {"printf", "__fprintf_chk", "stderr", "_ZSt4cout"}) {
    EXPECT_EQ(KindOfSymbol(symbol), CallKind::kStdio) << symbol;
  }
}

TEST(Checker, LeavesAloneWhatOnlyComputes) {
  for (const char* symbol :
       {"memcpy", "__memcpy_chk", "strlen", "snprintf", "__snprintf_chk", "abort", "malloc",
        "_Znwm", "__errno_location", "__stack_chk_fail", "strtoul", "__gcov_exit", "__gcov_init",
        "__tsan_read8", "__asan_report_load8", "_ZN9cleanfork4openEv",
        "_ZN4absl12lts_202206236StatusC1Ev", "_ZNSaIcED1Ev"}) {
    EXPECT_EQ(KindOfSymbol(symbol), CallKind::kNone) << symbol;
  }
}

TEST(ChildZone, ForbidsTheHeapLocksThrowingAndTheStandardLibrary) {
  for (const char* symbol :
       {"malloc", "free", "_Znwm", "_ZdlPv", "__cxa_throw", "__cxa_allocate_exception",
        "__cxa_guard_acquire", "__tls_get_addr", "snprintf", "getenv", "write", "__read_chk",
        "_ZNSt6vectorIN9cleanfork4StepESaIS1_EE9push_backEOS1_",
        "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE9_M_createERmm",
        "_ZN4absl12lts_202206236StatusC1Ev", "__gcov_fork"}) {
    EXPECT_THAT(ForbiddenImports(Zone::kChild, Importing("interpreter", symbol)),
                ElementsAre(symbol));
  }
}

TEST(ChildZone, AllowsOurOwnAndWhatCompilersPutIn) {
  for (const char* symbol :
       {"_ZN9cleanfork8StepNameENS_4StepE", "_ZTVN9cleanfork2OsE", "_ZTIN9cleanfork2OsE",
        "_ZNK9cleanfork2Os4ReadEv", "memcpy", "__memcpy_chk", "__stack_chk_fail",
        "_GLOBAL_OFFSET_TABLE_", "__asan_init", "__tsan_func_entry", "__gcov_merge_add",
        "__ubsan_handle_add_overflow_abort", "_Unwind_Resume"}) {
    EXPECT_THAT(ForbiddenImports(Zone::kChild, Importing("interpreter", symbol)), IsEmpty())
        << symbol;
  }
}

TEST(LibraryZone, ExceptsRealOsAndNoOther) {
  EXPECT_THAT(ForbiddenImports(Zone::kLibrary, Importing("real_os", "fork")), IsEmpty());
  EXPECT_THAT(ForbiddenImports(Zone::kLibrary, Importing("unreal_os", "fork")),
              ElementsAre("fork"));
  EXPECT_THAT(ForbiddenImports(Zone::kDoubles, Importing("real_os", "fork")), ElementsAre("fork"));
}

TEST(CommandZone, MayPrintButNotFork) {
  EXPECT_THAT(ForbiddenImports(Zone::kCommand, Importing("start", "fprintf")), IsEmpty());
  EXPECT_THAT(ForbiddenImports(Zone::kLibrary, Importing("start", "fprintf")),
              ElementsAre("fprintf"));
  EXPECT_THAT(ForbiddenImports(Zone::kCommand, Importing("start", "fork")), ElementsAre("fork"));
}

TEST(DoublesZone, MapsMemoryInTheSharedBlockAlone) {
  EXPECT_THAT(ForbiddenImports(Zone::kDoubles, Importing("shared_block", "mmap64")), IsEmpty());
  EXPECT_THAT(ForbiddenImports(Zone::kDoubles, Importing("fault_os", "mmap")), ElementsAre("mmap"));
  EXPECT_THAT(ForbiddenImports(Zone::kDoubles, Importing("shared_block", "open")),
              ElementsAre("open"));
}

}  // namespace
}  // namespace cleanfork::tidy
