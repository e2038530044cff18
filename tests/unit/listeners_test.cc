// What /proc/net/tcp says of who listens where.
#include "src/cli/listeners.h"

#include <arpa/inet.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace cleanfork::cli {
namespace {

// A row as the kernel prints it on this machine, of an address in network order.
std::string Row(const std::string& address, int port, const char* state) {
  std::string hex;
  uint8_t bytes[16];
  const bool ipv4 = ::inet_pton(AF_INET, address.c_str(), bytes) == 1;
  EXPECT_TRUE(ipv4 || ::inet_pton(AF_INET6, address.c_str(), bytes) == 1);
  for (int at = 0; at < (ipv4 ? 4 : 16); at += 4) {
    uint32_t word;
    std::memcpy(&word, bytes + at, sizeof(word));
    char text[9];
    std::snprintf(text, sizeof(text), "%08X", word);
    hex += text;
  }
  char row[128];
  std::snprintf(row, sizeof(row), "   0: %s:%04X 00000000:0000 %s 00000000:00000000 00:00\n",
                hex.c_str(), port, state);
  return row;
}

bool Listens(const std::string& table, const std::string& address, int port) {
  return ListsListener(table, {*ParseIpAddress(address)}, port);
}

TEST(ListenersTest, OneOnTheAddressAndPortIsFound) {
  EXPECT_TRUE(Listens(Row("127.0.0.1", 8080, "0A"), "127.0.0.1", 8080));
  EXPECT_TRUE(Listens(Row("::1", 8080, "0A"), "::1", 8080));
  EXPECT_FALSE(Listens(Row("127.0.0.1", 8080, "0A"), "127.0.0.1", 8081));
  EXPECT_FALSE(Listens(Row("127.0.0.1", 8080, "0A"), "127.0.0.2", 8080));
}

TEST(ListenersTest, AConnectionIsNoListener) {
  EXPECT_FALSE(Listens(Row("127.0.0.1", 8080, "01"), "127.0.0.1", 8080));
}

TEST(ListenersTest, OneOnAllAddressesIsReachedByEach) {
  EXPECT_TRUE(Listens(Row("0.0.0.0", 80, "0A"), "192.0.2.1", 80));
  EXPECT_TRUE(Listens(Row("::", 80, "0A"), "192.0.2.1", 80));
  EXPECT_TRUE(Listens(Row("::", 80, "0A"), "2001:db8::1", 80));
  EXPECT_FALSE(Listens(Row("0.0.0.0", 80, "0A"), "2001:db8::1", 80));
}

TEST(ListenersTest, WithoutAnAddressAnyWillDo) {
  EXPECT_TRUE(ListsListener(Row("192.0.2.1", 80, "0A"), {}, 80));
  EXPECT_FALSE(ListsListener(Row("192.0.2.1", 80, "0A"), {}, 81));
}

TEST(ListenersTest, WhatIsNoRowIsPassedOver) {
  EXPECT_FALSE(ListsListener("  sl  local_address rem_address   st\n\n: : : 0A\nx y\n", {}, 0));
  EXPECT_TRUE(ListsListener("garbage\n" + Row("192.0.2.1", 80, "0A"), {}, 80));
}

TEST(ListenersTest, OnlyAddressesAreAddresses) {
  EXPECT_FALSE(ParseIpAddress("").has_value());
  EXPECT_FALSE(ParseIpAddress("localhost").has_value());
  EXPECT_FALSE(ParseIpAddress("127.1").has_value());
  EXPECT_FALSE(ParseIpAddress("[::1]").has_value());
}

}  // namespace
}  // namespace cleanfork::cli
