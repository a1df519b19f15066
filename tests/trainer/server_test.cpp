#include "trainer/server.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <future>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/temporary_folder.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using protocol::Message;

json settings(const json& changes = json::object()) {
  json all = {{"study", "focus_classification"},
              {"loss", "soft"},
              {"epochs", 2},
              {"model", "linear"},
              {"dataset", {{"kind", "linear_orthogonal"}, {"size", 40}}}};
  all.update(changes);
  return all;
}

protocol::PackRequest pack(const json& settings, const std::vector<double>& rates = {0.1}) {
  protocol::PackRequest request = {.pack = 7, .settings = settings};
  for (const auto rate : rates) {
    request.trials.push_back({.id = std::to_string(rate), .seed = 1, .learning_rate = rate});
  }
  return request;
}

/// A server on the far end of a socket pair, in a thread of its own.
class ServerTest : public testing::Test {
 protected:
  ServerTest() { restart(); }
  ~ServerTest() override { close_socket(); }

  void restart() {
    close_socket();
    std::array<int, 2> ends = {};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    socket_ = ends[0];
    reader_.emplace(socket_);
    served_ = std::async(std::launch::async, [far = ends[1]] {
      const auto close_later = std::shared_ptr<void>(nullptr, [far](void*) { close(far); });
      return Server(far, far, StopDuringPack::heeded).run();
    });
  }
  void close_socket() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }

  void send_line(const std::string& line) { protocol::write_line(socket_, line); }
  void send(const Message& message) { send_line(protocol::serialize(message)); }

  template <class Expected>
  Expected receive() {
    return std::get<Expected>(protocol::parse_message(reader_->next().value()));
  }

  /// The results of a pack up to its done.
  std::vector<protocol::Result> receive_results() {
    std::vector<protocol::Result> results;
    while (true) {
      auto message = protocol::parse_message(reader_->next().value());
      if (std::holds_alternative<protocol::Done>(message)) return results;
      if (auto* result = std::get_if<protocol::Result>(&message)) results.push_back(*result);
    }
  }

  void greet() {
    send(protocol::Hello{});
    receive<protocol::Ready>();
  }

  int socket_ = -1;
  std::optional<protocol::LineReader> reader_;
  std::future<bool> served_;
};

TEST_F(ServerTest, IntroducesItsStudies) {
  send(protocol::Hello{});

  const auto ready = receive<protocol::Ready>();

  EXPECT_TRUE(ready.trainer.starts_with("libtorch "));
  EXPECT_FALSE(ready.device.empty());
  EXPECT_EQ(ready.studies.at("focus_classification").version, 9);
}

TEST_F(ServerTest, JudgesEachOfTheSettings) {
  greet();

  send(protocol::Check{{settings(), settings({{"loss", "sof"}}), {{"study", "focus"}}}});

  const auto checked = receive<protocol::Checked>();
  ASSERT_EQ(checked.problems.size(), 2U);
  EXPECT_EQ(checked.problems[0].index, 1U);
  EXPECT_EQ(checked.problems[0].key, "loss.name");
  EXPECT_EQ(checked.problems[1].index, 2U);
  EXPECT_EQ(checked.problems[1].key, "study");
  EXPECT_EQ(checked.resolved.size(), 3U);
  EXPECT_EQ(checked.pack_widths.size(), 3U);
  EXPECT_EQ(checked.memory_bytes.size(), 3U);
  EXPECT_EQ(checked.costs.size(), 3U);
}

TEST_F(ServerTest, NamesItsStudiesWhereTheSettingsNameNone) {
  greet();

  send(protocol::Check{{{{"epochs", 2}}}});

  const auto checked = receive<protocol::Checked>();
  ASSERT_EQ(checked.problems.size(), 1U);
  EXPECT_EQ(checked.problems[0].key, "study");
  EXPECT_EQ(checked.problems[0].problem, "is missing");
  EXPECT_EQ(checked.problems[0].hint, "known are focus_classification, gradient_flow, noop");
}

TEST_F(ServerTest, TrainsPackAfterPack) {
  greet();

  for (int i = 0; i < 2; ++i) {
    send(pack(settings(), {0.1, 0.2, 0.3}));
    const auto results = receive_results();
    ASSERT_EQ(results.size(), 3U);
    EXPECT_EQ(results[2].id, std::to_string(0.3));
    EXPECT_EQ(results[2].pack, 7);
    EXPECT_EQ(results[2].status, protocol::Outcome::finished);
    EXPECT_GT(results[2].elapsed_s, 0);
  }
}

TEST_F(ServerTest, ReportsADivergedTrialAsAResult) {
  greet();

  send(pack(settings({{"model", "mlp"}}), {1e30}));

  const auto results = receive_results();
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].status, protocol::Outcome::diverged);
  EXPECT_EQ(results[0].epoch, 1);
}

TEST_F(ServerTest, SaysWhyAPackCannotBeTrainedAndGoesOn) {
  greet();

  send(pack(settings({{"loss", "sof"}}), {0.1, 0.2}));

  const auto failure = receive<protocol::PackFailure>();
  EXPECT_EQ(failure.pack, 7);
  EXPECT_EQ(failure.cause, protocol::Cause::exception);
  EXPECT_EQ(failure.error, "loss.name: unknown loss 'sof', did you mean 'soft'?");
  send(pack(settings()));
  EXPECT_EQ(receive_results()[0].status, protocol::Outcome::finished);
}

/// Lets this process have no more than so many bytes of address space beyond its present ones.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t more_bytes) {
    getrlimit(RLIMIT_AS, &former_);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const auto page_bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const rlimit limit = {.rlim_cur = pages * page_bytes + more_bytes,
                          .rlim_max = former_.rlim_max};
    setrlimit(RLIMIT_AS, &limit);
  }
  ~MemoryLimit() { setrlimit(RLIMIT_AS, &former_); }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
  rlimit former_ = {};
};

TEST_F(ServerTest, SaysThatAPackNeedsTooMuchMemoryAndGoesOn) {
  greet();
  {
    const MemoryLimit limit(std::size_t{1} << 30);

    send(pack(settings({{"model", {{"name", "mlp"}, {"hidden", 100'000'000}}}})));

    const auto failure = receive<protocol::PackFailure>();
    EXPECT_EQ(failure.cause, protocol::Cause::out_of_memory) << failure.error;
  }
  send(pack(settings()));
  EXPECT_EQ(receive_results()[0].status, protocol::Outcome::finished);
}

TEST_F(ServerTest, SavesAPackThatItIsToldToStopAndGoesOnWithItLater) {
  const TemporaryFolder folder;
  greet();
  send(pack(settings({{"epochs", 300}})));
  const auto undisturbed = receive_results().at(0);
  auto request = pack(settings({{"epochs", 300}}));
  request.checkpoint = folder / "pack";
  send(request);
  send(protocol::Stop{});
  EXPECT_TRUE(receive_results().empty());
  EXPECT_TRUE(served_.get());
  ASSERT_TRUE(std::filesystem::exists(folder / "pack"));

  restart();
  greet();
  request.resume = true;
  send(request);

  EXPECT_EQ(receive_results().at(0).values, undisturbed.values);
}

TEST_F(ServerTest, SavesALongPackNowAndThen) {
  const TemporaryFolder folder;
  greet();
  auto request = pack(settings({{"epochs", 1'000'000}}));
  request.checkpoint = folder / "pack";
  request.checkpoint_every_s = 0.05;
  send(request);

  while (!std::filesystem::exists(folder / "pack"))
    receive<protocol::Progress>();

  send(protocol::Stop{});
}

TEST_F(ServerTest, StartsAPackAnewWhenItsFileIsDamaged) {
  const TemporaryFolder folder;
  write_bytes(folder / "pack", "mpsckpt1, but cut");
  greet();
  auto request = pack(settings());
  request.checkpoint = folder / "pack";
  request.resume = true;

  send(request);

  EXPECT_EQ(receive_results().at(0).status, protocol::Outcome::finished);
}

TEST_F(ServerTest, StopsWithinAPackWithoutResults) {
  greet();

  send(pack(settings({{"epochs", 1'000'000}})));
  receive<protocol::Progress>();
  send(protocol::Stop{});

  EXPECT_TRUE(receive_results().empty());
  EXPECT_TRUE(served_.get());
}

TEST_F(ServerTest, ShowsThatALongPackIsAlive) {
  greet();

  send(pack(settings({{"epochs", 1'000'000}})));
  const auto first = receive<protocol::Progress>();
  const auto second = receive<protocol::Progress>();
  send(protocol::Stop{});

  EXPECT_EQ(first.pack, 7);
  EXPECT_GT(second.epoch, first.epoch);
  EXPECT_EQ(second.epochs, 1'000'000);
}

TEST_F(ServerTest, EndsWhenTheOtherSideCloses) {
  greet();

  close_socket();

  EXPECT_TRUE(served_.get());
}

TEST_F(ServerTest, RefusesWhatIsNoRequest) {
  greet();

  send_line("garbage");

  EXPECT_THROW(served_.get(), protocol::ProtocolError);
}

TEST_F(ServerTest, RefusesRequestsBeforeAHello) {
  send(pack(settings()));

  EXPECT_THROW(served_.get(), protocol::ProtocolError);
}

/// Runs the program on some input; its exit code and what it printed.
std::pair<int, std::string> run_program(const std::string& input, const std::string& redirections) {
  const auto command = "printf '%s\\n' '" + input + "' | " + TRAINER + " " + redirections;
  auto* pipe = popen(command.c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer = {};
  while (const auto count = fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), count);
  }
  return {WEXITSTATUS(pclose(pipe)), output};
}

TEST(Program, ExitsWithTwoAndAMessageOnGarbage) {
  const auto [code, errors] = run_program("garbage", "2>&1 >/dev/null");

  EXPECT_EQ(code, 2);
  EXPECT_TRUE(errors.starts_with("mpisweep-trainer: ")) << errors;
}

TEST(Program, SaysThatADeviceCannotBeUsed) {
  const auto [code, output] =
      run_program(protocol::serialize(protocol::Hello{.device = "cuda:99"}), "2>/dev/null");

  EXPECT_EQ(code, 2);
  const auto line = output.substr(0, output.find('\n'));
  const auto failure = std::get<protocol::Failure>(protocol::parse_message(line));
  EXPECT_FALSE(failure.error.empty());
  EXPECT_NE(failure.hint.find("--device cpu"), std::string::npos);
}

TEST(Program, AnswersAPipeUntilItsEnd) {
  const auto [code, output] = run_program(protocol::serialize(protocol::Hello{}) + "\n" +
                                              protocol::serialize(pack(settings())) + "\n" +
                                              protocol::serialize(protocol::Stop{}),
                                          "");

  EXPECT_EQ(code, 0);
  EXPECT_NE(output.find("\"finished\""), std::string::npos);
  EXPECT_TRUE(output.ends_with("{\"pack\":7,\"type\":\"done\"}\n"));
}

TEST(Program, TellsItsVersionAndItsUse) {
  EXPECT_TRUE(run_program("", "--version").second.starts_with("mpisweep-trainer "));
  EXPECT_NE(run_program("", "--help").second.find("MPISWEEP_FD"), std::string::npos);
}

}  // namespace
}  // namespace trainer
