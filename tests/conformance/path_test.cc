// Paths: path_resolution(7), and what the calls that take one say of each.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "cleanfork/os.h"
#include "tests/conformance/children.h"
#include "tests/conformance/conformance_case.h"
#include "tests/conformance/kernel_under_test.h"
#include "tests/conformance/test_files.h"

namespace cleanfork {
namespace {

std::string Long(size_t size) { return std::string(size, 'x'); }

// Slashes before a path do not change it. Of exactly that length.
std::string Padded(const std::string& path, size_t size) {
  return std::string(size - path.size(), '/') + path;
}

// What each call says of the path: open, open with O_NOFOLLOW, stat, readlink, chdir, exec and, for
// what is not a program, at last unlink.
ConformanceCase Path(const char* name, const std::string& path, const char* expected) {
  const auto body = [path](Os& os, Notes& notes) {
    const char* const text = path.c_str();
    os.ChDir(kTestDirectory.c_str()).IgnoreError();
    char buffer[256];
    notes.Add(os.Open(text, O_RDONLY, 0));
    notes.Add(os.Open(text, O_RDONLY | O_NOFOLLOW, 0));
    notes.Add(os.Stat(text));
    notes.Add(os.ReadLink(text, buffer, sizeof(buffer)).ok()
                  ? SysResult<void>()
                  : SysResult<void>(SysError(os.ReadLink(text, buffer, sizeof(buffer)).error())));
    notes.Add(os.ChDir(text));
    os.ChDir(kTestDirectory.c_str()).IgnoreError();
    notes.Add(Exec(os, path.c_str()));
    notes.Add(os.Unlink(text));
  };
  return {name, body, expected};
}

const ConformanceCase kPaths[] = {
    Path("Empty", "", "ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT"),
    Path("Root", "/", "3 4 ok EINVAL ok EACCES EISDIR"),
    Path("OneDot", ".", "3 4 ok EINVAL ok EACCES EISDIR"),
    Path("TwoDots", "..", "3 4 ok EINVAL ok EACCES EISDIR"),
    Path("OfAFile", "file", "3 4 ok EINVAL ENOTDIR EACCES ok"),
    Path("OfAFileAbsolutely", InTree("file"), "3 4 ok EINVAL ENOTDIR EACCES ok"),
    Path("OfADirectory", "directory", "3 4 ok EINVAL ok EACCES EISDIR"),
    Path("OfADirectoryAndASlash", "directory/", "3 4 ok EINVAL ok EACCES EISDIR"),
    Path("OfADirectoryAndADot", "directory/.", "3 4 ok EINVAL ok EACCES EISDIR"),
    Path("OfADirectoryAndTwoDots", "directory/..", "3 4 ok EINVAL ok EACCES EISDIR"),
    Path("OfAFileAndASlash", "file/", "ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR"),
    Path("OfAFileAndADot", "file/.", "ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR"),
    Path("OfAFileAndTwoDots", "file/..", "ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR"),
    Path("ThroughAFile", "file/x", "ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR"),
    Path("ThroughWhatIsNotThere", "absent/x", "ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT"),
    Path("OfWhatIsNotThere", "absent", "ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT"),
    Path("OfWhatIsNotThereAndASlash", "absent/",
         "ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT"),
    Path("OfALink", "link", "3 ELOOP ok ok ENOTDIR EACCES ok"),
    Path("OfALinkToAFileAndASlash", "link/",
         "ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR"),
    Path("OfAnAbsoluteLink", "absolute-link", "3 ELOOP ok ok ENOTDIR EACCES ok"),
    Path("OfALinkToADirectory", "link-to-directory", "3 ELOOP ok ok ok EACCES ok"),
    Path("OfALinkToADirectoryAndASlash", "link-to-directory/", "3 4 ok EINVAL ok EACCES ENOTDIR"),
    Path("ThroughALinkToADirectory", "link-to-directory/inner", "3 4 ok EINVAL ENOTDIR EACCES ok"),
    Path("ThroughALinkToTwoDots", "directory/up/file", "3 4 ok EINVAL ENOTDIR EACCES ok"),
    Path("OfALinkThatIsRelativeToItsDirectory", "directory/to-inner",
         "3 ELOOP ok ok ENOTDIR EACCES ok"),
    Path("OfADanglingLink", "dangling", "ENOENT ELOOP ENOENT ok ENOENT ENOENT ok"),
    Path("OfADanglingLinkAndASlash", "dangling/",
         "ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOTDIR"),
    Path("ThroughADanglingLink", "dangling/x", "ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT"),
    Path("OfALinkToItself", "loop", "ELOOP ELOOP ELOOP ok ELOOP ELOOP ok"),
    Path("ThroughALinkToItself", "loop/x", "ELOOP ELOOP ELOOP ELOOP ELOOP ELOOP ELOOP"),
    Path("OfALinkThroughAFile", "through-file", "ENOTDIR ELOOP ENOTDIR ok ENOTDIR ENOTDIR ok"),
    Path("OfFortyLinks", "chain39", "3 ELOOP ok ok ENOTDIR EACCES ok"),
    Path("OfFortyOneLinks", "chain40", "ELOOP ELOOP ELOOP ok ELOOP ELOOP ok"),
    Path("WithManySlashes", "directory////inner", "3 4 ok EINVAL ENOTDIR EACCES ok"),
    Path("WithAllKindsOfDots", "./directory/.././directory/./inner",
         "3 4 ok EINVAL ENOTDIR EACCES ok"),
    Path("AboveTheRoot", "/../../.." + kTestDirectory + "/file", "3 4 ok EINVAL ENOTDIR EACCES ok"),
    Path("WithANameOf255Bytes", Long(255), "ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT"),
    Path("WithANameOf256Bytes", Long(256),
         "ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG "
         "ENAMETOOLONG"),
    Path("WithANameOf256BytesBelowAFile", "file/" + Long(256),
         "ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR ENOTDIR"),
    Path("WithANameOf256BytesBelowNothing", "absent/" + Long(256),
         "ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT"),
    Path("WithANameOf256BytesBeforeMore", Long(256) + "/x",
         "ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG "
         "ENAMETOOLONG"),
    Path("Of4095Bytes", Padded(InTree("file"), 4095), "3 4 ok EINVAL ENOTDIR EACCES ok"),
    Path("Of4096Bytes", Padded(InTree("file"), 4096),
         "ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG "
         "ENAMETOOLONG"),
};
CLEANFORK_CONFORMANCE(Path, kPaths);

// Opens with these flags what `path` names below the tree, and notes what is then there.
ConformanceCase Creation(const char* name, const char* path, int flags, const char* expected) {
  const auto body = [path, flags](Os& os, Notes& notes) {
    os.ChDir(kTestDirectory.c_str()).IgnoreError();
    notes.Add(os.Open(path, flags, 0640));
    const SysResult<FileStatus> status = os.Stat(path);
    notes.Add(status);
    if (!status.ok()) return;
    if (S_ISDIR(status.value().mode)) return notes.Add("directory");
    notes.Add(static_cast<int>(status.value().mode & 0777));
    notes.Add(static_cast<int>(status.value().size));
  };
  return {name, body, expected};
}

constexpr int kCreate = O_CREAT | O_WRONLY;
constexpr int kExclusive = O_CREAT | O_EXCL | O_WRONLY;

const ConformanceCase kCreations[] = {
    Creation("OfANewFile", "new", kCreate, "3 ok 416 0"),
    Creation("OfANewFileExclusively", "new", kExclusive, "3 ok 416 0"),
    Creation("OfANewFileReadOnly", "new", O_CREAT, "3 ok 416 0"),
    Creation("OfANewFileWithASlash", "new/", kCreate, "EISDIR ENOENT"),
    Creation("OfANewFileWithADot", "new/.", kCreate, "ENOENT ENOENT"),
    Creation("OfANewFileInNoDirectory", "absent/new", kCreate, "ENOENT ENOENT"),
    Creation("OfANewFileBelowAFile", "file/new", kCreate, "ENOTDIR ENOTDIR"),
    Creation("OfANewFileThroughALink", "link-to-directory/new", kCreate, "3 ok 416 0"),
    Creation("OfWhatIsThere", "file", kCreate, "3 ok 420 7"),
    Creation("OfWhatIsThereExclusively", "file", kExclusive, "EEXIST ok 420 7"),
    Creation("OfWhatIsThereAndTruncation", "file", kCreate | O_TRUNC, "3 ok 420 0"),
    Creation("OfWhatIsThereAndExclusiveTruncation", "file", kExclusive | O_TRUNC,
             "EEXIST ok 420 7"),
    Creation("OfWhatIsThereWithASlash", "file/", kCreate, "EISDIR ENOTDIR"),
    Creation("OfADirectory", "directory", kCreate, "EISDIR ok directory"),
    Creation("OfADirectoryReadOnly", "directory", O_CREAT, "EISDIR ok directory"),
    Creation("OfADirectoryExclusively", "directory", kExclusive, "EEXIST ok directory"),
    Creation("OfADot", ".", kCreate, "EISDIR ok directory"),
    Creation("OfADotExclusively", ".", kExclusive, "EEXIST ok directory"),
    Creation("OfADotAndASlashExclusively", "./", kExclusive, "EEXIST ok directory"),
    Creation("OfTwoDots", "..", kCreate, "EISDIR ok directory"),
    Creation("OfTheRoot", "/", kCreate, "EISDIR ok directory"),
    Creation("OfTheRootExclusively", "/", kExclusive, "EEXIST ok directory"),
    Creation("OfNothing", "", kCreate, "ENOENT ENOENT"),
    Creation("OfALink", "link", kCreate, "3 ok 420 7"),
    Creation("OfALinkExclusively", "link", kExclusive, "EEXIST ok 420 7"),
    Creation("OfALinkAndTruncation", "link", kCreate | O_TRUNC, "3 ok 420 0"),
    Creation("OfALinkThatIsNotFollowed", "link", kCreate | O_NOFOLLOW, "ELOOP ok 420 7"),
    Creation("OfADanglingLink", "dangling", kCreate, "3 ok 416 0"),
    Creation("OfADanglingLinkExclusively", "dangling", kExclusive, "EEXIST ENOENT"),
    Creation("OfADanglingLinkThatIsNotFollowed", "dangling", kCreate | O_NOFOLLOW, "ELOOP ENOENT"),
    Creation("OfADanglingLinkWithASlash", "dangling/", kCreate, "EISDIR ENOENT"),
    Creation("OfALoop", "loop", kCreate, "ELOOP ELOOP"),
    Creation("OfALoopExclusively", "loop", kExclusive, "EEXIST ELOOP"),
    Creation("OfALinkToADirectory", "link-to-directory", kCreate, "EISDIR ok directory"),
    Creation("OfANewFileNotFollowed", "new", kCreate | O_NOFOLLOW, "3 ok 416 0"),
};
CLEANFORK_CONFORMANCE(Creation, kCreations);

ConformanceCase Opening(const char* name, const char* path, int flags, const char* expected) {
  const auto body = [path, flags](Os& os, Notes& notes) {
    os.ChDir(kTestDirectory.c_str()).IgnoreError();
    const SysResult<int> fd = os.Open(path, flags, 0);
    notes.Add(fd);
    if (!fd.ok()) return;
    char byte = 0;
    notes.Add(os.FcntlGetFd(fd.value()));
    notes.Add(os.Read(fd.value(), &byte, 1));
    notes.Add(os.Write(fd.value(), "x", 1));
    notes.Add(os.PWrite(fd.value(), "x", 1, 0));
    notes.Add(os.FTruncate(fd.value(), 0));
  };
  return {name, body, expected};
}

// Descriptor, its flags; read, write, pwrite, ftruncate.
const ConformanceCase kOpenings[] = {
    Opening("ToRead", "file", O_RDONLY, "3 0 1 EBADF EBADF EINVAL"),
    Opening("ToWrite", "file", O_WRONLY, "3 0 EBADF 1 1 ok"),
    Opening("ToReadAndWrite", "file", O_RDWR, "3 0 1 1 1 ok"),
    Opening("CloseOnExec", "file", O_RDONLY | O_CLOEXEC, "3 1 1 EBADF EBADF EINVAL"),
    Opening("ToAppend", "file", O_RDWR | O_APPEND, "3 0 1 1 1 ok"),
    Opening("AndTruncate", "file", O_RDWR | O_TRUNC, "3 0 0 1 1 ok"),
    Opening("WithoutWaiting", "file", O_RDWR | O_NONBLOCK, "3 0 1 1 1 ok"),
    Opening("WithoutATerminal", "file", O_RDONLY | O_NOCTTY, "3 0 1 EBADF EBADF EINVAL"),
    Opening("AFileAsADirectory", "file", O_RDONLY | O_DIRECTORY, "ENOTDIR"),
    Opening("ADirectory", "directory", O_RDONLY, "3 0 EISDIR EBADF EBADF EINVAL"),
    Opening("ADirectoryAsADirectory", "directory", O_RDONLY | O_DIRECTORY,
            "3 0 EISDIR EBADF EBADF EINVAL"),
    Opening("ADirectoryToWrite", "directory", O_WRONLY, "EISDIR"),
    Opening("ADirectoryToReadAndWrite", "directory", O_RDWR | O_DIRECTORY, "EISDIR"),
    Opening("ADirectoryAndTruncate", "directory", O_RDONLY | O_TRUNC, "EISDIR"),
    Opening("ALinkToADirectoryAsADirectory", "link-to-directory", O_RDONLY | O_DIRECTORY,
            "3 0 EISDIR EBADF EBADF EINVAL"),
    Opening("ALinkToADirectoryNotFollowed", "link-to-directory",
            O_RDONLY | O_DIRECTORY | O_NOFOLLOW, "ENOTDIR"),
    Opening("ALinkToADirectoryAndASlashNotFollowed", "link-to-directory/", O_RDONLY | O_NOFOLLOW,
            "3 0 EISDIR EBADF EBADF EINVAL"),
    Opening("ALinkNotFollowed", "link", O_RDONLY | O_NOFOLLOW, "ELOOP"),
    Opening("ALinkAsADirectory", "link", O_RDONLY | O_DIRECTORY, "ENOTDIR"),
    Opening("TheNullDevice", "/dev/null", O_RDWR, "3 0 0 1 1 EINVAL"),
    Opening("TheNullDeviceAndTruncate", "/dev/null", O_RDWR | O_TRUNC, "3 0 0 1 1 EINVAL"),
    Opening("TheNullDeviceToRead", "/dev/null", O_RDONLY, "3 0 0 EBADF EBADF EINVAL"),
    Opening("TheNullDeviceAsADirectory", "/dev/null", O_RDONLY | O_DIRECTORY, "ENOTDIR"),
};
CLEANFORK_CONFORMANCE(Opening, kOpenings);

}  // namespace
}  // namespace cleanfork
