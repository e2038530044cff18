#include "src/cli/report.h"

#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cleanfork/child_error.h"
#include "cleanfork/names.h"
#include "src/cli/exit_code.h"

namespace cleanfork::cli {
namespace {

// What can be done about a failure, where that is known; else null.
const char* Remedy(const ChildError& error) {
  switch (error.step) {
    case Step::kSetGroups:
    case Step::kSetGid:
    case Step::kSetUid:
      if (error.error == EPERM) {
        return "only root may change user and groups: run as root, or without --user and --group";
      }
      break;
    case Step::kExec:
      if (error.error == ENOENT) {
        return "the program, or the interpreter that it names, is not there (inside --chroot, if "
               "that is given)";
      }
      if (error.error == ENOEXEC) return "a script needs a first line such as #!/bin/sh";
      if (error.error == EACCES) return "it has to be executable for the user that runs it";
      break;
    case Step::kLimits:
      if (error.error == EPERM) {
        return "only root may raise a hard limit, and nobody NOFILE above fs.nr_open";
      }
      break;
    case Step::kNice:
      if (error.error == EACCES) {
        return "only root may lower the nice value, or who has an RLIMIT_NICE that allows it";
      }
      break;
    case Step::kOomScore:
      if (error.error == EACCES) return "only root may lower the score";
      if (error.error == ENOENT) return "/proc has to be mounted";
      break;
    case Step::kChRoot:
      if (error.error == EPERM) return "only root may change the root directory";
      break;
    case Step::kNoNewPrivs:
      if (error.error == EINVAL) return "Linux has it since 3.5";
      break;
    case Step::kChDir:
      if (error.error == EACCES) return "the directory is entered as the user that runs it";
      break;
    case Step::kWritePidFile:
      if (error.error == EACCES || error.error == EROFS) {
        return "the directory of the pid file has to be writable for us";
      }
      if (error.error == ENOENT) return "the directory of the pid file has to exist";
      break;
    case Step::kReady:
      if (error.error == ESRCH) {
        return "`cleanfork run` in the place of start says how it ends, and --stderr=FILE keeps "
               "what it says itself";
      }
      break;
    default: break;
  }
  return nullptr;
}

// The length of the character of UTF-8 that begins at text[at], or 0 if none does: RFC 3629,
// section 4, which has no overlong forms, no surrogates and nothing above U+10FFFF.
size_t Utf8Length(const std::string& text, size_t at) {
  const auto byte = [&](size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const unsigned first = byte(at);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const unsigned least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(at + 1) < least || byte(at + 1) > most) return 0;
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  for (size_t i = at + 2; i < at + length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

// Whether `text` is UTF-8, as JSON has to be (RFC 8259, 8.1).
bool IsUtf8(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8Length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string Quote(const std::string& text) {
  const bool utf8 = IsUtf8(text);
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8)) {
      absl::StrAppendFormat(&quoted, "\\u%04x", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace

JsonObject& JsonObject::Add(const std::string& key, const std::string& value) {
  AddRaw(key, Quote(value));
  return *this;
}

JsonObject& JsonObject::Add(const std::string& key, int64_t value) {
  AddRaw(key, absl::StrCat(value));
  return *this;
}

JsonObject& JsonObject::Add(const std::string& key, bool value) {
  AddRaw(key, value ? "true" : "false");
  return *this;
}

JsonObject& JsonObject::Add(const std::string& key, const std::vector<JsonObject>& values) {
  std::string array;
  for (const JsonObject& value : values) {
    absl::StrAppend(&array, array.empty() ? "" : ",", value.ToString());
  }
  AddRaw(key, absl::StrCat("[", array, "]"));
  return *this;
}

JsonObject& JsonObject::Add(const std::string& key, const std::vector<std::string>& values) {
  std::string array;
  for (const std::string& value : values) {
    absl::StrAppend(&array, array.empty() ? "" : ",", Quote(value));
  }
  AddRaw(key, absl::StrCat("[", array, "]"));
  return *this;
}

void JsonObject::AddRaw(const std::string& key, const std::string& value) {
  absl::StrAppend(&members_, members_.empty() ? "" : ",", Quote(key), ":", value);
}

JsonObject JsonOutcome(const std::string& subcommand, int exit_code) {
  JsonObject object;
  object.Add("subcommand", subcommand).Add("exit_code", int64_t{exit_code});
  return object;
}

std::string OneLine(const std::string& text) {
  std::string line;
  for (size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const size_t length = Utf8Length(text, at);
    // U+0080 to U+009F are control characters too, raw (to a terminal set to Latin-1) and in UTF-8.
    const bool is_control =
        first < 0x20 || first == 0x7F || (length == 0 && first < 0xA0) ||
        (first == 0xC2 && length == 2 && static_cast<unsigned char>(text[at + 1]) < 0xA0);
    const size_t end = at + (length == 0 ? 1 : length);
    for (; at < end; ++at) {
      if (text[at] == '\n') {
        line += "\\n";
      } else if (is_control) {
        absl::StrAppendFormat(&line, "\\x%02x", static_cast<unsigned char>(text[at]));
      } else {
        line += text[at];
      }
    }
  }
  return line;
}

int ReportFailure(Context& context, const std::string& subcommand, const absl::Status& status,
                  int exit_code, bool json) {
  const std::optional<ChildError> error = GetChildError(status);
  std::string text(status.message());
  const char* remedy = error.has_value() ? Remedy(*error) : nullptr;
  context.err << "cleanfork: " << subcommand << (subcommand.empty() ? "" : ": ")
              << OneLine(remedy != nullptr ? absl::StrCat(text, "; ", remedy) : text) << std::endl;
  if (json) {
    JsonObject object = JsonOutcome(subcommand, exit_code);
    object.Add("error", text);
    if (error.has_value()) {
      object.Add("step", StepName(error->step));
      const char* name = ErrnoName(error->error);
      if (name != nullptr) object.Add("errno", name);
      if (error->signal != 0) object.Add("signal", int64_t{error->signal});
    }
    if (remedy != nullptr) object.Add("remedy", remedy);
    context.out << object.ToString() << std::endl;
  }
  return exit_code;
}

int ReportFailure(Context& context, const std::string& subcommand, const absl::Status& status,
                  bool json) {
  return ReportFailure(context, subcommand, status, ExitCodeOf(status), json);
}

int ReportUsage(Context& context, const std::string& subcommand, const absl::Status& status,
                bool json) {
  const absl::Status more = absl::InvalidArgumentError(
      absl::StrCat(std::string(status.message()), "; see cleanfork ", subcommand, " --help"));
  return ReportFailure(context, subcommand, more, json);
}

int ReportOutcome(Context& context, const std::string& subcommand, const std::string& line,
                  int exit_code) {
  context.out << line << std::endl;
  if (!context.out.good()) {
    context.err << "cleanfork: " << subcommand << ": standard output cannot be written to; what it "
                << "should have said: " << line << std::endl;
  }
  return exit_code;
}

}  // namespace cleanfork::cli
