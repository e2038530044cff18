// 200 processes that all want to be the service, at once and again and again, with the same pid
// file: one of them is it and all others are told so, the file never holds half a pid, and what
// those leave that are killed in the midst of it is taken over.
//
// CLEANFORK_ROUNDS says how many rounds, CLEANFORK_SEED repeats a run.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cleanfork/child.h"
#include "cleanfork/child_report.h"
#include "cleanfork/fork_child.h"
#include "cleanfork/fork_options.h"
#include "cleanfork/pid_file.h"
#include "tests/real/generation_os.h"
#include "tests/real/own_process.h"
#include "tests/real/process_state.h"
#include "tests/real/shared_memory.h"

namespace cleanfork {
namespace {

constexpr int kStarters = 200;
constexpr int kNobody = -1;

// What a round is to be like, and what the processes have seen.
struct Board {
  std::atomic<int> victim{kNobody};  // the starter that is killed in this round,
  std::atomic<bool> kill_winner{
      false};                      // or the first that gets the lock, which becomes the victim:
  std::atomic<int> generation{0};  // itself (0), or its first or second child,
  std::atomic<int> call{0};        // at this call
  std::atomic<bool> hold{false};   // the winner starts nothing: it only keeps its claim
  std::atomic<int> finished{-1};   // the last round that is over, for the reader

  std::atomic<pid_t> service{0};  // who runs
  std::atomic<int> doubles{0};    // how often a second one ran beside it
  std::atomic<int> incomplete{0};
  std::atomic<int> reads{0};
  std::atomic<int> pids_read{0};
  std::atomic<int> bad_reads{0};
  char bad_read[256] = {};  // the first one
};

// What became of a starter in a round.
struct Report {
  enum Kind : int {
    kRefused,  // another instance runs
    kRuns,     // it is the service
    kHolds,    // it has the claim
    kFailed,   // its child was killed
    kWrong,    // any other error
    kCleaned,  // it has given up its claim
    kDying,    // it is the victim
  };
  int kind = kWrong;
  int starter = 0;
  pid_t service = 0;
  char text[400] = {};
};

// Lets others run at every call, so that two processors have 200 starters interleave; and kills.
class RacingOs : public GenerationOs {
 public:
  RacingOs(Board& board, int starter, int reports)
      : GenerationOs(RealOs()), board_(board), starter_(starter), reports_(reports) {
    if (board.victim == starter) Arm();
  }

  // Nobody is killed any more.
  void Disarm() { generation_ = kNobody; }

  SysResult<void> FcntlSetLock(int fd, short type) override {
    const SysResult<void> locked = GenerationOs::FcntlSetLock(fd, type);
    if (locked.ok() && board_.kill_winner.exchange(false)) {
      board_.victim = starter_;
      Arm();
    }
    return locked;
  }

  SysResult<size_t> Write(int fd, const void* buffer, size_t size) override {
    const SysResult<size_t> written = GenerationOs::Write(fd, buffer, size);
    ChildReport report;
    if (size != sizeof(report)) return written;
    std::memcpy(&report, buffer, size);
    if (report.kind == ChildReport::kStarted) Disarm();  // who has started is the service
    return written;
  }

 private:
  void Arm() {
    generation_ = board_.generation;
    calls_left_ = board_.call;
  }

  void BeforeCall(OsCall) override {
    if (generation() == 0) sched_yield();
    if (generation() != generation_ || --calls_left_ > 0) return;
    if (generation_ == 0) {
      Report report;
      report.kind = Report::kDying;
      report.starter = starter_;
      if (write(reports_, &report, sizeof(report)) != sizeof(report)) _exit(1);
    }
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }

  Board& board_;
  const int starter_;
  const int reports_;
  int generation_ = kNobody;
  int calls_left_ = 0;
};

// Pipes between the starters and who drives them. A starter that is done early cannot take another
// one's turn, since the turns come from two pipes in turn.
struct Pipes {
  int go[2][2];
  int watch[2];  // the turns of the reader, who may fall behind
  int end[2];    // of a round, for a winner that holds its claim
  int reports[2];

  void CloseDriversEnds() const {
    close(go[0][1]);
    close(go[1][1]);
    close(watch[1]);
    close(end[1]);
  }
};

std::string Content(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool Await(int fd) {
  char byte;
  ssize_t got;
  do {
    got = read(fd, &byte, 1);
  } while (got == -1 && errno == EINTR);
  return got == 1;
}

void Send(int fd, int turns) {
  const std::string bytes(static_cast<size_t>(turns), 'x');
  if (write(fd, bytes.data(), bytes.size()) != turns) std::abort();
}

class Starter {
 public:
  Starter(int index, std::string path, Board* board, const Pipes& pipes)
      : index_(index), path_(std::move(path)), board_(board), pipes_(pipes) {}

  [[noreturn]] void Run(int round) {
    pipes_.CloseDriversEnds();
    for (; Await(pipes_.go[round % 2][0]); ++round) {
      RacingOs os(*board_, index_, pipes_.reports[1]);
      Play(os);
    }
    _exit(0);
  }

 private:
  void Play(RacingOs& os) {
    absl::StatusOr<PidFile> file = PidFile::Claim(path_, os);
    if (!file.ok()) {
      const bool refused = absl::IsAlreadyExists(file.status());
      return Say(os, refused ? Report::kRefused : Report::kWrong, 0, file.status());
    }
    if (board_->hold) {
      Say(os, Report::kHolds, 0, absl::OkStatus());
      Await(pipes_.end[0]);
      file = absl::CancelledError();  // not committed: the file goes
      return Say(os, Report::kCleaned, 0, absl::OkStatus());
    }
    pid_t service = 0;
    const absl::Status started = StartService(*file, &service, os);
    file = absl::CancelledError();
    Say(os, started.ok() ? Report::kRuns : Report::kFailed, service, started);
  }

  absl::Status StartService(PidFile& file, pid_t* service, Os& os) const {
    ForkOptions options;
    options.session = Session::kDaemon;
    options.pid_file_descriptor = file.descriptor();
    Board* const board = board_;
    const absl::StatusOr<Child> child = RunInChild([board] { return Serve(board); }, options, os);
    if (!child.ok()) return child.status();
    *service = child->pid();
    // Complete before the starter goes on.
    if (Content(path_) != std::to_string(*service) + "\n") ++board_->incomplete;
    file.Commit();
    return absl::OkStatus();
  }

  static int Serve(Board* board) {
    alarm(600);  // should the test be gone by then
    if (board->service.exchange(getpid()) != 0) ++board->doubles;
    for (;;) pause();
  }

  void Say(RacingOs& os, Report::Kind kind, pid_t service, const absl::Status& status) {
    os.Disarm();  // who has reported is counted on
    Report report;
    report.kind = kind;
    report.starter = index_;
    report.service = service;
    const std::string text(status.message());
    std::memcpy(report.text, text.data(), std::min(text.size(), sizeof(report.text) - 1));
    if (write(pipes_.reports[1], &report, sizeof(report)) != sizeof(report)) _exit(1);
  }

  const int index_;
  const std::string path_;
  Board* const board_;
  const Pipes pipes_;
};

// Reads the file all the while, as status and stop do.
[[noreturn]] void ReadOnAndOn(const std::string& path, Board* board, const Pipes& pipes) {
  pipes.CloseDriversEnds();
  for (int round = 0; Await(pipes.watch[0]); ++round) {
    do {
      const absl::StatusOr<PidFileState> state = ReadPidFile(path);
      ++board->reads;
      if (state.ok() && state->pid > 0) ++board->pids_read;
      if (!state.ok() && !absl::IsNotFound(state.status()) && board->bad_reads++ == 0) {
        const std::string text(state.status().message());
        std::memcpy(board->bad_read, text.data(),
                    std::min(text.size(), sizeof(board->bad_read) - 1));
      }
      sched_yield();
    } while (board->finished < round);
  }
  _exit(0);
}

// How often what happened.
struct Tally {
  int rounds = 0;
  int winners = 0;
  int refused = 0;
  int starters_killed = 0;
  int children_killed = 0;
  int services_killed = 0;
};

// Drives the starters, and judges.
class Race {
 public:
  Race(std::string path, unsigned seed, Board* board, Tally* tally)
      : path_(std::move(path)), random_(seed), board_(board), tally_(tally) {}

  std::string Run(int rounds) {
    if (pipe(pipes_.go[0]) != 0 || pipe(pipes_.go[1]) != 0 || pipe(pipes_.watch) != 0 ||
        pipe(pipes_.end) != 0 || pipe(pipes_.reports) != 0) {
      return "no pipes";
    }
    starters_.resize(kStarters);
    reader_ = fork();
    if (reader_ == 0) ReadOnAndOn(path_, board_, pipes_);
    if (reader_ == -1) return "no reader";
    std::string wrong;
    for (int round = 0; round < rounds && wrong.empty(); ++round) {
      wrong = StartMissing(round);
      if (wrong.empty()) wrong = Play(round);
      if (!wrong.empty()) wrong = "round " + std::to_string(round) + ": " + wrong;
      board_->finished = round;
      ++tally_->rounds;
    }
    pipes_.CloseDriversEnds();
    service_ = 0;
    for (pid_t starter : starters_) {
      if (starter == 0) continue;  // to kill(2) that is all of our process group
      if (!wrong.empty()) kill(starter, SIGKILL);
      waitpid(starter, nullptr, 0);
    }
    starters_.clear();
    waitpid(reader_, nullptr, 0);
    KillStrays();
    return wrong + DescribeChildren();
  }

 private:
  int Draw(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  std::string StartMissing(int round) {
    for (int i = 0; i < kStarters; ++i) {
      pid_t& starter = starters_[static_cast<size_t>(i)];
      if (starter != 0) continue;
      const pid_t pid = fork();
      if (pid == 0) Starter(i, path_, board_, pipes_).Run(round);
      if (pid == -1) return "starter " + std::to_string(i) + ": fork: " + std::strerror(errno);
      starter = pid;
    }
    return "";
  }

  // One round, from the state that the last one has left: "" if all is well.
  std::string Play(int round) {
    const bool taken = service_ != 0;
    // In every fourth round whoever gets the lock is killed, in every eighth somebody.
    const int kind = Draw(8);
    board_->kill_winner = kind < 2;
    board_->victim = kind == 2 ? Draw(kStarters) : kNobody;
    board_->generation = Draw(3);
    board_->call = 1 + Draw(board_->generation == 0 ? 30 : 90);
    board_->hold = kind == 3;
    Send(pipes_.watch[1], 1);
    Send(pipes_.go[round % 2][1], kStarters);

    std::string wrong;
    std::string refusal;
    int winner = kNobody;
    bool killed = false;
    for (int left = kStarters; left > 0; --left) {
      const Report report = NextReport();
      if (report.kind == Report::kDying) {
        Reap(report.starter);
        killed = true;
      }
      if (report.kind == Report::kWrong && wrong.empty()) wrong = std::string(report.text) + "; ";
      if (report.kind == Report::kRefused) {
        ++tally_->refused;
        refusal = report.text;
      }
      if (report.kind == Report::kFailed) {
        if (report.starter != board_->victim) wrong += std::string(report.text) + "; ";
        killed = true;
        ++tally_->children_killed;
      }
      if (report.kind != Report::kRuns && report.kind != Report::kHolds) continue;
      if (winner != kNobody) wrong += "there are two winners; ";
      winner = report.starter;
      service_ = report.service;
      ++tally_->winners;
    }
    if (taken && winner != kNobody) wrong += "somebody won beside the one that runs; ";
    // Beside one that was killed later all others may have been refused.
    if (!taken && !killed && winner == kNobody)
      wrong += "nobody won, but " + refusal + "; " + DescribeHolders();
    if (service_ != 0 && Content(path_) != std::to_string(service_) + "\n") {
      wrong += "the file says \"" + Content(path_) + "\", not " + std::to_string(service_) + "; ";
    }
    if (wrong.empty()) wrong = Finish(winner, taken);
    if (board_->doubles != 0) wrong += "two ran at once; ";
    if (board_->incomplete != 0) wrong += "the file was not complete when the starter went on; ";
    if (board_->bad_reads != 0) wrong += "it was read as: " + std::string(board_->bad_read) + "; ";
    return wrong;
  }

  // Who has the file open.
  std::string DescribeHolders() const {
    std::string text;
    for (pid_t pid : AllProcesses()) {
      const std::optional<ProcessState> process = ReadProcessState(pid);
      if (!process.has_value()) continue;
      for (const auto& descriptor : process->descriptors) {
        if (descriptor.second.target != path_) continue;
        const bool starter = std::find(starters_.begin(), starters_.end(), pid) != starters_.end();
        text += "process " + std::to_string(pid) + (starter ? ", a starter," : "") +
                " has it, a child of " + std::to_string(process->parent) + "; ";
      }
    }
    return text;
  }

  Report NextReport() {
    Report report;
    ssize_t got;
    do {
      got = read(pipes_.reports[0], &report, sizeof(report));
    } while (got == -1 && errno == EINTR);
    return report;
  }

  // The end of a starter; another one takes its place in the next round.
  void Reap(int starter) {
    pid_t& pid = starters_[static_cast<size_t>(starter)];
    waitpid(pid, nullptr, 0);
    pid = 0;
    ++tally_->starters_killed;
  }

  // The end of a round. The service is killed and leaves a stale file, or its file is removed as by
  // stop, or it runs on; a winner that only holds its claim is killed or gives it up. What a victim
  // has left running is killed.
  std::string Finish(int winner, bool taken) {
    KillStrays();
    if (service_ == 0) board_->service = 0;
    if (board_->hold && winner != kNobody) return FinishHolder(winner);
    if (service_ == 0 || (!taken && Draw(4) == 0)) return "";
    kill(service_, SIGKILL);
    waitpid(service_, nullptr, 0);  // a daemon is this process's child: it is a subreaper
    ++tally_->services_killed;
    board_->service = 0;
    const pid_t service = std::exchange(service_, 0);
    if (Draw(3) != 0) return "";
    const absl::StatusOr<PidFileRemoval> removed = RemovePidFile(path_, service);
    return removed.ok() && *removed == PidFileRemoval::kRemoved ? "" : "it was not removed; ";
  }

  std::string FinishHolder(int winner) {
    if (Draw(2) == 0) {
      kill(starters_[static_cast<size_t>(winner)], SIGKILL);
      Reap(winner);
      return "";
    }
    Send(pipes_.end[1], 1);
    if (NextReport().kind != Report::kCleaned) return "no clean end; ";
    return access(path_.c_str(), F_OK) == 0 ? "an abandoned file is left; " : "";
  }

  // Ends what is orphaned: a child of ours that is none of those that we know.
  void KillStrays() {
    for (bool found = true; found;) {
      found = false;
      for (pid_t child : ChildrenOf(getpid())) {
        const bool known = child == reader_ || child == service_ ||
                           std::find(starters_.begin(), starters_.end(), child) != starters_.end();
        if (known) continue;
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        found = true;
      }
    }
  }

  std::string path_;
  std::mt19937 random_;
  Board* const board_;
  Tally* const tally_;
  Pipes pipes_ = {};
  std::vector<pid_t> starters_;  // 0: has to be started
  pid_t reader_ = 0;
  pid_t service_ = 0;  // 0: none runs
};

unsigned long FromEnvironment(const char* name, unsigned long otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::strtoul(value, nullptr, 10) : otherwise;
}

TEST(PidFileRace, OneOfManyStartersWinsAndTheFileIsNeverTorn) {
  const auto seed =
      static_cast<unsigned>(FromEnvironment("CLEANFORK_SEED", std::random_device()()));
  const auto rounds = static_cast<int>(FromEnvironment("CLEANFORK_ROUNDS", 200));
  std::string pattern = std::string(std::getenv("TEST_TMPDIR")) + "/race.XXXXXX";
  const std::string path = std::string(mkdtemp(&pattern[0])) + "/service.pid";
  Shared<Board> board;
  Shared<Tally> tally;
  EXPECT_EQ(InOwnProcess([&] { return Race(path, seed, &*board, &*tally).Run(rounds); },
                         80 + rounds * 4 / 5),
            "");
  EXPECT_EQ(tally->rounds, rounds);
  EXPECT_GT(board->pids_read, 0);
  std::cout << tally->rounds << " rounds of " << kStarters << " starters: " << tally->winners
            << " winners, " << tally->refused << " refused; killed: " << tally->starters_killed
            << " starters, " << tally->children_killed << " children, " << tally->services_killed
            << " services; " << board->reads << " reads, " << board->pids_read << " of a pid, "
            << board->bad_reads << " torn; CLEANFORK_SEED=" << seed << std::endl;
}

}  // namespace
}  // namespace cleanfork
