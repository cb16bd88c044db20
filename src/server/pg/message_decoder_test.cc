#include "server/pg/message_decoder.h"

#include <gtest/gtest.h>

#include <string>

#include "server/pg/message_body.h"

namespace varve::server::pg {
namespace {

using namespace std::string_literals;

// The start-up packet of the manual's example: protocol 3.0, user "ann", database "db".
const std::string kStartup = "\0\0\0\x1e\0\3\0\0user\0ann\0database\0db\0\0"s;

TEST(MessageDecoderTest, StartupPacketByteByByte) {
  const MessageDecoder decoder;
  for (size_t n = 0; n < kStartup.size(); ++n) {
    const auto decoded = decoder.NextStartup(kStartup.substr(0, n));
    ASSERT_TRUE(decoded.ok());
    ASSERT_EQ(decoded->step, DecodeStep::kNeedMore) << n;
    ASSERT_GT(decoded->bytes_wanted, n);
  }
  const std::string with_more = kStartup + "Q";
  const auto decoded = decoder.NextStartup(with_more);
  ASSERT_EQ(decoded->step, DecodeStep::kMessage);
  EXPECT_EQ(decoded->consumed, kStartup.size());
  const auto packet = ReadStartup(decoded->message.body);
  ASSERT_TRUE(packet.ok()) << packet.status();
  EXPECT_EQ(packet->code, 3u << 16);
  EXPECT_EQ(packet->Find("user"), "ann");
  EXPECT_EQ(packet->Find("database"), "db");
}

TEST(MessageDecoderTest, StartupLengthsThatCannotBe) {
  const MessageDecoder decoder;
  for (const std::string& bytes : {"\0\0\0\7"s, "\0\0\x27\x11"s, "\xff\xff\xff\xff"s, "GET "s}) {
    EXPECT_EQ(SqlStateOf(decoder.NextStartup(bytes).status()), "08P01");
  }
}

TEST(MessageDecoderTest, MessagesAreCutWhereTheyEnd) {
  MessageDecoder decoder;
  const std::string bytes = "Q\0\0\0\x0dSELECT 1\0S\0\0\0\4"s;
  auto decoded = decoder.Next(bytes);
  ASSERT_EQ(decoded->step, DecodeStep::kMessage);
  EXPECT_EQ(decoded->message.type, 'Q');
  EXPECT_EQ(*ReadString(decoded->message.body), "SELECT 1");
  decoded = decoder.Next(std::string_view(bytes).substr(decoded->consumed));
  EXPECT_EQ(decoded->message.type, 'S');
  EXPECT_EQ(decoded->consumed, 5u);
}

TEST(MessageDecoderTest, HostileLengthsAndTypes) {
  for (const std::string& bytes :
       {"Q\0\0\0\3"s, "Q\xff\xff\xff\xff"s, "Q\x7f\xff\xff\xff"s, "\x01\0\0\0\4"s, "Z"s}) {
    MessageDecoder decoder;
    EXPECT_EQ(SqlStateOf(decoder.Next(bytes).status()), "08P01");
  }
}

TEST(MessageDecoderTest, OversizedMessagesArePassedOver) {
  MessageDecoder decoder({.statement_bytes_max = 10});
  const std::string big = "Q\0\0\0\x18"s + std::string(20, 'x');
  size_t consumed = 0;
  // In pieces, as a socket brings them; nothing of it needs to be kept.
  for (const size_t piece : {7, 9, 9}) {
    const auto decoded = decoder.Next(std::string_view(big).substr(consumed, piece));
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(decoded->consumed, piece);
    consumed += piece;
    EXPECT_EQ(decoded->step, consumed == big.size() ? DecodeStep::kMessage : DecodeStep::kNeedMore);
    EXPECT_EQ(decoded->message.oversized, consumed == big.size());
  }
  EXPECT_EQ(decoder.Next("S\0\0\0\4"s)->message.type, 'S');
}

TEST(MessageDecoderTest, CopyDataComesInPieces) {
  MessageDecoder decoder({.statement_bytes_max = 2});
  const std::string first = "d\0\0\0\x0a"s + "abc";
  auto decoded = decoder.Next(first);
  ASSERT_EQ(decoded->step, DecodeStep::kMessage);
  EXPECT_EQ(decoded->message.body, "abc");
  EXPECT_FALSE(decoded->message.complete);
  const std::string rest = "defc\0\0\0\4"s;
  decoded = decoder.Next(rest);
  EXPECT_EQ(decoded->message.body, "def");
  EXPECT_TRUE(decoded->message.complete);
  EXPECT_EQ(decoder.Next(std::string_view(rest).substr(3))->message.type, 'c');
}

TEST(MessageBodyTest, BindFields) {
  const std::string body = "p\0s\0\0\2\0\1\0\0\0\2\0\0\0\4\0\0\0\x2a\xff\xff\xff\xff\0\1\0\1"s;
  const auto bind = ReadBind(body);
  ASSERT_TRUE(bind.ok()) << bind.status();
  EXPECT_EQ(bind->portal, "p");
  EXPECT_EQ(bind->statement, "s");
  ASSERT_EQ(bind->parameters.size(), 2u);
  EXPECT_EQ(bind->parameters[0], "\0\0\0\x2a"s);
  EXPECT_EQ(bind->parameters[1], std::nullopt);
  EXPECT_EQ(bind->ParameterFormat(0), 1);
  EXPECT_EQ(bind->ParameterFormat(1), 0);
  EXPECT_EQ(bind->result_formats, std::vector<int16_t>{1});
  // Every shorter or longer body is refused, and nothing is read past its end.
  for (size_t n = 0; n < body.size(); ++n) EXPECT_FALSE(ReadBind(body.substr(0, n)).ok()) << n;
  EXPECT_FALSE(ReadBind(body + "x").ok());
}

TEST(MessageBodyTest, InconsistentBinds) {
  // 32,767 parameters claimed, none there; a negative length; a format that does not exist.
  for (const std::string& body :
       {"\0\0\0\0\x7f\xff\0\0"s, "\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"s, "\0\0\0\1\0\2\0\0\0\0"s,
        "\0\0\0\2\0\0\0\0\0\1\xff\xff\xff\xff\0\0"s}) {
    EXPECT_EQ(SqlStateOf(ReadBind(body).status()), "08P01");
  }
}

TEST(MessageBodyTest, OtherBodies) {
  const auto parse = ReadParse("s\0SELECT $1\0\0\1\0\0\0\x17"s);
  ASSERT_TRUE(parse.ok());
  EXPECT_EQ(parse->parameter_oids, std::vector<Oid>{23});
  EXPECT_FALSE(ReadParse("s\0SELECT $1\0\0\2\0\0\0\x17"s).ok());
  EXPECT_EQ(ReadExecute("p\0\0\0\0\x64"s)->row_limit, 100);
  EXPECT_EQ(ReadTarget("Ss\0"s)->name, "s");
  EXPECT_FALSE(ReadTarget("Xs\0"s).ok());
  EXPECT_FALSE(ReadString("no end").ok());
  EXPECT_FALSE(ReadStartup("\0\3\0\0user\0ann\0"s).ok());
}

}  // namespace
}  // namespace varve::server::pg
