#include "protocol/line_socket.hpp"

#include <array>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/messages.hpp"

namespace protocol {
namespace {

/// Two connected descriptors; either can be closed early.
class Ends {
 public:
  Ends(int ours, int theirs) : ours_(ours), theirs_(theirs) {}
  ~Ends() {
    close_theirs();
    close(ours_);
  }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;

  int ours() const { return ours_; }
  int theirs() const { return theirs_; }
  void close_theirs() {
    if (theirs_ >= 0) close(theirs_);
    theirs_ = -1;
  }

 private:
  int ours_;
  int theirs_;
};

Ends socket_pair(int flags = 0) {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | flags, 0, ends) != 0)
    throw std::runtime_error("socketpair");
  return {ends[0], ends[1]};
}

/// We read, they write.
Ends pipe_ends() {
  int ends[2] = {-1, -1};
  if (pipe(ends) != 0) throw std::runtime_error("pipe");
  return {ends[0], ends[1]};
}

void send_raw(int descriptor, const std::string& bytes) {
  ASSERT_EQ(write(descriptor, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}

TEST(LineReader, ReturnsLinesInOrderWithoutTheirNewlines) {
  Ends ends = socket_pair();
  LineReader reader(ends.ours());

  write_line(ends.theirs(), "first");
  write_line(ends.theirs(), "");
  write_line(ends.theirs(), "third");

  EXPECT_EQ(reader.next(), "first");
  EXPECT_EQ(reader.next(), "");
  EXPECT_EQ(reader.next(), "third");
}

TEST(LineReader, SaysNothingWhenTheOtherSideClosedBetweenLines) {
  Ends ends = socket_pair();
  LineReader reader(ends.ours());
  write_line(ends.theirs(), "last words");
  ends.close_theirs();

  EXPECT_EQ(reader.next(), "last words");
  EXPECT_EQ(reader.next(), std::nullopt);
}

TEST(LineReader, ThrowsWhenTheOtherSideClosedInsideALine) {
  Ends ends = socket_pair();
  LineReader reader(ends.ours());
  send_raw(ends.theirs(), "whole\nhalf");
  ends.close_theirs();

  EXPECT_EQ(reader.next(), "whole");
  EXPECT_THROW(reader.next(), ProtocolError);
}

TEST(LineReader, TakesALineOnlyWhenItIsComplete) {
  Ends ends = socket_pair();
  LineReader reader(ends.ours());

  send_raw(ends.theirs(), "one\ntw");
  EXPECT_TRUE(reader.receive());
  EXPECT_EQ(reader.take(), "one");
  EXPECT_EQ(reader.take(), std::nullopt);

  send_raw(ends.theirs(), "o\n");
  EXPECT_TRUE(reader.receive());
  EXPECT_EQ(reader.take(), "two");
}

TEST(LineReader, ReceivesALittleAtATimeFromASideThatNeverStops) {
  Ends ends = socket_pair();
  LineReader reader(ends.ours());
  std::atomic<bool> is_over = false;
  std::thread writer([&] {
    const std::string piece = std::string(1 << 16, 'x') + '\n';
    while (!is_over && send(ends.theirs(), piece.data(), piece.size(), MSG_NOSIGNAL) > 0) {
    }
  });

  EXPECT_TRUE(reader.receive());  // returns at all

  is_over = true;
  shutdown(ends.ours(), SHUT_RDWR);
  writer.join();
}

TEST(WriteLine, DoesNotWaitLongerThanItIsPatient) {
  Ends ends = socket_pair();

  EXPECT_THROW(write_line(ends.ours(), std::string(10'000'000, 'x'), /*patience_ms=*/50),
               ProtocolError);
}

TEST(LineReader, ReceivesWithoutWaiting) {
  Ends ends = socket_pair();
  LineReader reader(ends.ours());

  EXPECT_TRUE(reader.receive());  // returns at all: the socket blocks and is empty
  EXPECT_EQ(reader.take(), std::nullopt);
}

TEST(LineReader, TellsOfTheEndAndKeepsWhatCameBefore) {
  Ends ends = socket_pair();
  LineReader reader(ends.ours());
  write_line(ends.theirs(), "last words");
  ends.close_theirs();

  EXPECT_FALSE(reader.receive());
  EXPECT_EQ(reader.take(), "last words");
}

TEST(LineReader, TellsWhenTheOtherSideLeftSomethingUnread) {
  auto reads_all = socket_pair();
  auto leaves_some = socket_pair();
  send_raw(reads_all.ours(), "ab");
  send_raw(leaves_some.ours(), "ab");
  std::array<char, 2> read_bytes = {};
  ASSERT_EQ(read(reads_all.theirs(), read_bytes.data(), 2), 2);
  ASSERT_EQ(read(leaves_some.theirs(), read_bytes.data(), 1), 1);
  reads_all.close_theirs();
  leaves_some.close_theirs();

  LineReader reader(reads_all.ours());
  EXPECT_FALSE(reader.receive());
  EXPECT_FALSE(reader.was_reset());
  LineReader other(leaves_some.ours());
  EXPECT_FALSE(other.receive());
  EXPECT_TRUE(other.was_reset());
}

TEST(LineReader, RefusesALineWithoutEnd) {
  Ends ends = socket_pair();
  LineReader reader(ends.ours(), /*most_bytes=*/10);
  write_line(ends.theirs(), "ten bytes!");
  send_raw(ends.theirs(), "eleven bytes");

  EXPECT_TRUE(reader.receive());
  EXPECT_EQ(reader.take(), "ten bytes!");
  EXPECT_THROW(reader.take(), ProtocolError);
  EXPECT_THROW(reader.next(), ProtocolError);
}

TEST(LineReader, StopsReceivingWhenItHasEnough) {
  Ends ends = socket_pair();
  LineReader reader(ends.ours(), /*most_bytes=*/10);
  const std::string flood(100'000, 'x');
  send_raw(ends.theirs(), flood);

  EXPECT_TRUE(reader.receive());

  std::array<char, 100'000> rest = {};
  EXPECT_GT(recv(ends.ours(), rest.data(), rest.size(), MSG_DONTWAIT), 0);
}

TEST(LineReader, ReadsAPipe) {
  Ends ends = pipe_ends();
  LineReader reader(ends.ours());

  write_line(ends.theirs(), "over a pipe");
  ends.close_theirs();

  EXPECT_EQ(reader.next(), "over a pipe");
  EXPECT_EQ(reader.next(), std::nullopt);
}

/// A line far larger than the kernel's buffers must cross in pieces.
void expect_large_line_crosses(const Ends& ends) {
  const std::string line(8'000'000, 'x');
  std::thread writer([&] { write_line(ends.theirs(), line); });
  LineReader reader(ends.ours());

  const auto received = reader.next();
  writer.join();

  EXPECT_TRUE(received == line);  // EXPECT_EQ would print both
}

TEST(LineSocket, CarriesALineLargerThanItsBuffer) {
  expect_large_line_crosses(socket_pair());
}

TEST(LineSocket, CarriesALargeLineWithoutBlockingDescriptors) {
  expect_large_line_crosses(socket_pair(SOCK_NONBLOCK));
}

TEST(LineSocket, WaitsOnANonBlockingDescriptor) {
  Ends ends = socket_pair(SOCK_NONBLOCK);
  LineReader reader(ends.ours());
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    write_line(ends.theirs(), "late");
  });

  const auto line = reader.next();
  writer.join();

  EXPECT_EQ(line, "late");
}

TEST(WriteLine, ThrowsWhenTheOtherSideHasClosed) {
  Ends ends = socket_pair();
  ends.close_theirs();

  EXPECT_THROW(write_line(ends.ours(), "anyone?"), ProtocolError);  // SIGPIPE would end the test
}

}  // namespace
}  // namespace protocol
