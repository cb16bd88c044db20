#include "server/pg/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/core/session_for_test.h"

namespace varve::server::pg {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Message(char type, const std::string& body) {
  MessageWriter writer;
  writer.Begin(type);
  writer.Raw(body);
  writer.End();
  return writer.Take();
}
std::string Query(const std::string& sql) { return Message('Q', sql + '\0'); }
std::string Parse(const std::string& name, const std::string& sql) {
  return Message('P', name + '\0' + sql + '\0' + "\0\0"s);
}
// Text parameters; results in `format`.
std::string Bind(const std::string& portal, const std::string& name,
                 const std::vector<std::string>& parameters, char format = 0) {
  MessageWriter writer;
  writer.Begin('B');
  writer.CString(portal);
  writer.CString(name);
  writer.Int16(0);
  writer.Int16(static_cast<int16_t>(parameters.size()));
  for (const std::string& parameter : parameters) {
    writer.Int32(static_cast<int32_t>(parameter.size()));
    writer.Raw(parameter);
  }
  writer.Int16(1);
  writer.Int16(format);
  writer.End();
  return writer.Take();
}
std::string Describe(char kind, const std::string& name) {
  return Message('D', kind + name + '\0');
}
std::string Execute(const std::string& portal, char limit = 0) {
  return Message('E', portal + '\0' + "\0\0\0"s + limit);
}
const std::string kSync = Message('S', "");

// What the server answered, one word per message: type and what matters of the body.
std::vector<std::string> Words(std::string_view bytes) {
  std::vector<std::string> words;
  while (!bytes.empty()) {
    BodyReader header(bytes.substr(1, 4));
    const auto length = static_cast<size_t>(header.Int32());
    const std::string_view body = bytes.substr(5, length - 4);
    std::string word(1, bytes[0]);
    if (word == "C" || word == "Z") word += std::string(body.substr(0, body.find('\0')));
    if (word == "D") word += std::string(body.substr(6));
    if (word == "E" || word == "N") {
      word += std::string(body.substr(body.find("\0C"s) + 2, 5));
      word += " " + std::string(body.substr(body.find("\0M"s) + 2));
      word = word.substr(0, word.find('\0'));
    }
    words.push_back(word);
    bytes.remove_prefix(length + 1);
  }
  return words;
}

class ProtocolTest : public ::testing::Test {
 protected:
  ProtocolTest() {
    auto session = std::make_unique<SessionForTest>();
    session_ = session.get();
    session_->table = TableForTest();
    entry_ = std::make_shared<SessionEntry>(1, 2, Clock::System());
    auto client = std::make_unique<ClientSession>(std::move(session), Settings(), Clock::System());
    client->TakeReports();
    protocol_ = std::make_unique<Protocol>(std::move(client), entry_,
                                           DecoderLimits{.statement_bytes_max = 100'000});
  }

  std::vector<std::string> Send(const std::string& bytes) {
    std::string_view input = bytes;
    std::string out;
    for (;;) {
      const ProtocolStep step = protocol_->Advance(input);
      flushes_ += step == ProtocolStep::kFlush;
      largest_ = std::max(largest_, protocol_->out().size());
      out += protocol_->out().Take();
      if (step == ProtocolStep::kNeedInput || step == ProtocolStep::kClose) {
        EXPECT_TRUE(input.empty() || step == ProtocolStep::kClose);
        closed_ = step == ProtocolStep::kClose;
        return Words(out);
      }
    }
  }

  SessionForTest* session_ = nullptr;
  std::shared_ptr<SessionEntry> entry_;
  std::unique_ptr<Protocol> protocol_;
  int flushes_ = 0;
  size_t largest_ = 0;
  bool closed_ = false;
};

TEST_F(ProtocolTest, SimpleQueries) {
  EXPECT_THAT(Send(Query("SELECT 1")), ElementsAre("T", "D1", "CSELECT 1", "ZI"));
  EXPECT_THAT(Send(Query("  -- nothing")), ElementsAre("I", "ZI"));
  EXPECT_THAT(Send(Query("")), ElementsAre("I", "ZI"));
  EXPECT_THAT(Send(Query("FAIL")), ElementsAre("E22012 division by zero", "ZI"));
  EXPECT_THAT(Send(Query("SELEC 1")),
              ElementsAre("E42601 syntax error at or near \"SELEC\"", "ZI"));
  EXPECT_THAT(Send(Query("\xff")), ElementsAre(HasSubstr("E22021"), "ZI"));
}

TEST_F(ProtocolTest, SeveralStatementsAreOneImplicitTransaction) {
  EXPECT_THAT(Send(Query("SELECT 1; SELECT 2;")),
              ElementsAre("T", "D1", "CSELECT 1", "T", "D2", "CSELECT 1", "ZI"));
  EXPECT_THAT(session_->events,
              ElementsAre("begin implicit", "SELECT 1", "SELECT 2", "commit implicit"));
  session_->events.clear();
  EXPECT_THAT(Send(Query("SELECT 1; FAIL; SELECT 2")),
              ElementsAre("T", "D1", "CSELECT 1", "E22012 division by zero", "ZI"));
  EXPECT_THAT(session_->events,
              ElementsAre("begin implicit", "SELECT 1", "FAIL", "rollback implicit"));
}

TEST_F(ProtocolTest, BeginInsideAStringMakesItExplicit) {
  EXPECT_THAT(
      Send(Query("BEGIN; SELECT 1; COMMIT; SELECT 2")),
      ElementsAre("CBEGIN", "T", "D1", "CSELECT 1", "CCOMMIT", "T", "D2", "CSELECT 1", "ZI"));
  EXPECT_THAT(session_->events, ElementsAre("BEGIN", "SELECT 1", "COMMIT", "begin implicit",
                                            "SELECT 2", "commit implicit"));
  EXPECT_THAT(Send(Query("SELECT 1; BEGIN; SELECT 2")),
              ElementsAre("T", "D1", "CSELECT 1", "CBEGIN", "T", "D2", "CSELECT 1", "ZT"));
}

TEST_F(ProtocolTest, FailedTransactionsRefuseAllButTheirEnd) {
  EXPECT_THAT(Send(Query("BEGIN")), ElementsAre("CBEGIN", "ZT"));
  EXPECT_THAT(Send(Query("FAIL")), ElementsAre("E22012 division by zero", "ZE"));
  EXPECT_THAT(Send(Query("SELECT 1")), ElementsAre(HasSubstr("E25P02"), "ZE"));
  EXPECT_THAT(Send(Query("SHOW TimeZone")), ElementsAre(HasSubstr("E25P02"), "ZE"));
  EXPECT_THAT(Send(Query("INSERT INTO t VALUES ('2025-01-01', 'a', 1)")),
              ElementsAre(HasSubstr("E25P02"), "ZE"));
  EXPECT_THAT(Send(Query("COMMIT")), ElementsAre("CROLLBACK", "ZI"));
}

TEST_F(ProtocolTest, TransactionWarnings) {
  EXPECT_THAT(Send(Query("COMMIT")),
              ElementsAre("N25P01 there is no transaction in progress", "CCOMMIT", "ZI"));
  Send(Query("BEGIN"));
  EXPECT_THAT(Send(Query("BEGIN")),
              ElementsAre("N25001 there is already a transaction in progress", "CBEGIN", "ZT"));
}

TEST_F(ProtocolTest, LargeResultsLeaveInPieces) {
  const auto words = Send(Query("ROWS 50000"));
  EXPECT_EQ(words.size(), 50'003u);
  EXPECT_EQ(words[50'001], "CSELECT 50000");
  EXPECT_GE(flushes_, 8);
  EXPECT_LT(largest_, Protocol::kFlushBytes + 100);
}

TEST_F(ProtocolTest, LiteralInsertsNeverReachTheEngine) {
  const std::string row = "('2025-01-01', 'a', 1)";
  EXPECT_THAT(Send(Query("INSERT INTO t VALUES " + row + ", " + row)),
              ElementsAre("CINSERT 0 2", "ZI"));
  EXPECT_THAT(session_->events, ElementsAre("write 2"));
  EXPECT_EQ(session_->rows_written, 2u);
  EXPECT_THAT(Send(Query("INSERT INTO t VALUES ('2025-01-01', 'a', 'x')")),
              ElementsAre(HasSubstr("E22P02"), "ZI"));
  // An expression is the engine's.
  Send(Query("INSERT INTO t SELECT 1"));
  EXPECT_EQ(session_->events.back(), "INSERT INTO t SELECT 1");
}

TEST_F(ProtocolTest, InsertsInAStringCountTogetherOrNotAtAll) {
  const std::string insert = "INSERT INTO t VALUES ('2025-01-01', 'a', 1);";
  EXPECT_THAT(Send(Query(insert + insert + "  ")), ElementsAre("CINSERT 0 1", "CINSERT 0 1", "ZI"));
  EXPECT_EQ(session_->rows_written, 2u);
  EXPECT_THAT(Send(Query(insert + "FAIL;" + insert)),
              ElementsAre("CINSERT 0 1", "E22012 division by zero", "ZI"));
  EXPECT_EQ(session_->rows_written, 2u);
  EXPECT_EQ(session_->rows_waiting, 0u);
}

TEST_F(ProtocolTest, AFailedWriteIsToldInsteadOfTheTag) {
  session_->write_error = SqlError(sqlstate::kOutOfMemory, "buffer full");
  EXPECT_THAT(Send(Query("INSERT INTO t VALUES ('2025-01-01', 'a', 1)")),
              ElementsAre("E53200 buffer full", "ZI"));
}

TEST_F(ProtocolTest, ExtendedQuery) {
  EXPECT_THAT(Send(Parse("s", "SELECT $1") + Describe('S', "s") + kSync),
              ElementsAre("1", "t", "T", "ZI"));
  EXPECT_THAT(Send(Bind("", "s", {"42"}) + Describe('P', "") + Execute("") + kSync),
              ElementsAre("2", "T", "D42", "CSELECT 1", "ZI"));
  EXPECT_THAT(Send(Bind("", "s", {"42"}, 1) + Execute("") + kSync),
              ElementsAre("2", "D\0\0\0\x2a"s, "CSELECT 1", "ZI"));
  EXPECT_THAT(Send(Bind("", "s", {}) + kSync), ElementsAre(HasSubstr("E08P01"), "ZI"));
  EXPECT_THAT(Send(Parse("s", "SELECT 2") + kSync), ElementsAre(HasSubstr("E42P05"), "ZI"));
  EXPECT_THAT(Send(Message('C', "Ss\0"s) + Bind("", "s", {}) + kSync),
              ElementsAre("3", HasSubstr("E26000"), "ZI"));
  EXPECT_THAT(Send(Execute("none") + kSync), ElementsAre(HasSubstr("E34000"), "ZI"));
  EXPECT_THAT(Send(Parse("", "") + Bind("", "", {}) + Execute("") + kSync),
              ElementsAre("1", "2", "I", "ZI"));
  EXPECT_THAT(Send(Parse("", "SELECT 1; SELECT 2") + kSync),
              ElementsAre(HasSubstr("E42601"), "ZI"));
}

TEST_F(ProtocolTest, ADescribedPortalIsPlannedOnce) {
  Send(Parse("", "SELECT 1") + Bind("", "", {}) + Describe('P', "") + Execute("") + kSync);
  EXPECT_THAT(session_->events, ElementsAre("SELECT 1"));
}

// A statement without rows that Describe has begun already is still the one that Execute runs.
TEST_F(ProtocolTest, ADescribedPortalWithoutRowsRunsOnce) {
  EXPECT_THAT(Send(Parse("", "BEGIN") + Bind("", "", {}) + Describe('P', "") + Execute("") + kSync),
              ElementsAre("1", "2", "n", "CBEGIN", "ZT"));
  EXPECT_THAT(Send(Parse("", "ROLLBACK") + Bind("p", "", {}) + Execute("p") + Execute("p") + kSync),
              ElementsAre("1", "2", "CROLLBACK", HasSubstr("E55000"), "ZI"));
}

TEST_F(ProtocolTest, AfterAnErrorEverythingUpToSyncIsSkipped) {
  EXPECT_THAT(Send(Parse("", "FAIL") + Bind("", "", {}) + Execute("") + Parse("", "SELECT 1") +
                   Bind("", "", {}) + Execute("") + kSync + Query("SELECT 2")),
              ElementsAre("1", "2", "E22012 division by zero", "ZI", "T", "D2", "CSELECT 1", "ZI"));
}

TEST_F(ProtocolTest, RowLimitsSuspendThePortal) {
  Send(Query("BEGIN"));
  EXPECT_THAT(Send(Parse("", "ROWS 3") + Bind("p", "", {}) + Execute("p", 2) + kSync),
              ElementsAre("1", "2", "D0", "D1", "s", "ZT"));
  EXPECT_THAT(Send(Execute("p", 2) + kSync), ElementsAre("D2", "CSELECT 1", "ZT"));
  EXPECT_THAT(Send(Execute("p", 2) + kSync), ElementsAre("CSELECT 0", "ZT"));
  Send(Query("COMMIT"));
  EXPECT_THAT(Send(Execute("p", 2) + kSync), ElementsAre(HasSubstr("E34000"), "ZI"));
}

TEST_F(ProtocolTest, PipelinedInsertsAreOneWrite) {
  std::string bytes = Parse("i", "INSERT INTO t (timestamp, n) VALUES ($1, $2)");
  for (int i = 0; i < 100; ++i) {
    bytes += Bind("", "i", {"2025-01-01", std::to_string(i)}) + Describe('P', "") + Execute("");
  }
  const auto words = Send(bytes + kSync);
  ASSERT_EQ(words.size(), 1 + 300 + 1u);
  EXPECT_EQ(words[3], "CINSERT 0 1");
  EXPECT_EQ(words[2], "n");
  EXPECT_THAT(session_->events, ElementsAre("write 100"));
  EXPECT_EQ(session_->rows_written, 100u);
}

TEST_F(ProtocolTest, OneBadRowDropsThePipeline) {
  std::string bytes = Parse("i", "INSERT INTO t (timestamp, n) VALUES ($1, $2)");
  for (const char* n : {"1", "2", "x", "4"}) {
    bytes += Bind("", "i", {"2025-01-01", n}) + Execute("");
  }
  EXPECT_THAT(Send(bytes + kSync), ElementsAre("1", "2", "CINSERT 0 1", "2", "CINSERT 0 1", "2",
                                               HasSubstr("E22P02"), "ZI"));
  EXPECT_EQ(session_->rows_written + session_->rows_waiting, 0u);
}

TEST_F(ProtocolTest, AnotherStatementOfThePipelineComesAfterItsInserts) {
  EXPECT_THAT(
      Send(Parse("i", "INSERT INTO t (timestamp) VALUES ($1)") + Bind("", "i", {"2025-01-01"}) +
           Execute("") + Parse("", "SELECT 1") + Bind("", "", {}) + Execute("") + kSync),
      ElementsAre("1", "2", "CINSERT 0 1", "1", "2", "D1", "CSELECT 1", "ZI"));
  EXPECT_THAT(session_->events,
              ElementsAre("begin implicit", "write 1", "SELECT 1", "commit implicit"));
  EXPECT_EQ(session_->rows_written, 1u);
}

TEST_F(ProtocolTest, CopyIn) {
  EXPECT_THAT(Send(Query("COPY t (timestamp, name, n) FROM STDIN")), ElementsAre("G"));
  EXPECT_THAT(Send(Message('d', "2025-01-01\ta\t1\n2025-01-02\t\\N")), ElementsAre());
  EXPECT_THAT(Send(Message('d', "\t2\n") + Message('c', "")), ElementsAre("CCOPY 2", "ZI"));
  EXPECT_THAT(session_->events, ElementsAre("begin implicit", "write 2", "commit implicit"));
}

TEST_F(ProtocolTest, CopyErrors) {
  EXPECT_THAT(Send(Query("COPY t FROM STDIN") + Message('f', "no more\0"s)),
              ElementsAre("G", "E57014 COPY from stdin failed: no more", "ZI"));
  // After the error, what is still on its way is dropped.
  EXPECT_THAT(Send(Query("COPY t FROM STDIN") + Message('d', "x\ty\tz\n") + Message('d', "x\n") +
                   Message('c', "") + Query("SELECT 1")),
              ElementsAre("G", HasSubstr("E22007"), "ZI", "T", "D1", "CSELECT 1", "ZI"));
  EXPECT_THAT(Send(Query("COPY nothing FROM STDIN")), ElementsAre(HasSubstr("E42P01"), "ZI"));
  EXPECT_EQ(session_->rows_written, 0u);
}

TEST_F(ProtocolTest, CopyOut) {
  EXPECT_THAT(Send(Query("COPY (SELECT 7) TO STDOUT")),
              ElementsAre("H", "d", "c", "CCOPY 1", "ZI"));
}

TEST_F(ProtocolTest, Cursors) {
  EXPECT_THAT(Send(Query("DECLARE c CURSOR FOR SELECT 1")), ElementsAre(HasSubstr("E25P01"), "ZI"));
  Send(Query("BEGIN"));
  EXPECT_THAT(Send(Query("DECLARE c CURSOR FOR ROWS 5")), ElementsAre(HasSubstr("E42601"), "ZE"));
  Send(Query("ROLLBACK"));
  Send(Query("BEGIN"));
  EXPECT_THAT(Send(Query("DECLARE c CURSOR FOR SELECT 1")), ElementsAre("CDECLARE CURSOR", "ZT"));
  EXPECT_THAT(Send(Describe('P', "c") + kSync), ElementsAre("T", "ZT"));
  EXPECT_THAT(Send(Query("FETCH FORWARD 3 FROM c")), ElementsAre("T", "D1", "CFETCH 1", "ZT"));
  EXPECT_THAT(Send(Query("FETCH c")), ElementsAre("T", "CFETCH 0", "ZT"));
  EXPECT_THAT(Send(Query("CLOSE c")), ElementsAre("CCLOSE CURSOR", "ZT"));
  EXPECT_THAT(Send(Query("FETCH c")), ElementsAre(HasSubstr("E34000"), "ZE"));
}

TEST_F(ProtocolTest, SavepointsDropWhatCameAfterThem) {
  const auto insert = Query("INSERT INTO t VALUES ('2025-01-01', 'a', 1)");
  EXPECT_THAT(Send(Query("SAVEPOINT a")), ElementsAre(HasSubstr("E25P01"), "ZI"));
  Send(Query("BEGIN") + insert);
  EXPECT_THAT(Send(Query("SAVEPOINT a")), ElementsAre("CSAVEPOINT", "ZT"));
  Send(insert + Query("SAVEPOINT b") + insert);
  EXPECT_THAT(Send(Query("FAIL")), ElementsAre(HasSubstr("E22012"), "ZE"));
  EXPECT_THAT(Send(Query("SAVEPOINT c")), ElementsAre(HasSubstr("E25P02"), "ZE"));
  EXPECT_THAT(Send(Query("ROLLBACK TO nowhere")), ElementsAre(HasSubstr("E3B001"), "ZE"));
  EXPECT_THAT(Send(Query("ROLLBACK TO b; RELEASE b")), ElementsAre("CROLLBACK", "CRELEASE", "ZT"));
  EXPECT_THAT(Send(Query("RELEASE b")), ElementsAre(HasSubstr("E3B001"), "ZE"));
  EXPECT_THAT(Send(Query("ROLLBACK TO a")), ElementsAre("CROLLBACK", "ZT"));
  EXPECT_THAT(Send(Query("ROLLBACK TO SAVEPOINT a")), ElementsAre("CROLLBACK", "ZT"));
  EXPECT_THAT(Send(Query("COMMIT")), ElementsAre("CCOMMIT", "ZI"));
  EXPECT_EQ(session_->rows_written, 1u);
  EXPECT_THAT(Send(Query("BEGIN") + Query("ROLLBACK TO a")),
              ElementsAre("CBEGIN", "ZT", HasSubstr("E3B001"), "ZE"));
}

TEST_F(ProtocolTest, SavepointsUndoSettingsAndCursors) {
  Send(Query("BEGIN; SET application_name = 'before'; DECLARE kept CURSOR FOR SELECT 3"));
  Send(Query("SAVEPOINT a; SET application_name = 'after'; DECLARE gone CURSOR FOR SELECT 3"));
  Send(Query("ROLLBACK TO a"));
  EXPECT_THAT(Send(Query("SHOW application_name")), ElementsAre("T", "Dbefore", "CSHOW", "ZT"));
  EXPECT_THAT(Send(Query("MOVE 2 kept")), ElementsAre("CMOVE 1", "ZT"));
  EXPECT_THAT(Send(Query("MOVE 2 gone")), ElementsAre(HasSubstr("E34000"), "ZE"));
}

TEST_F(ProtocolTest, Settings) {
  EXPECT_THAT(Send(Query("SET TimeZone = 'Asia/Tokyo'")), ElementsAre("S", "CSET", "ZI"));
  EXPECT_THAT(Send(Query("SHOW TIME ZONE")), ElementsAre("T", "DAsia/Tokyo", "CSHOW", "ZI"));
  EXPECT_THAT(Send(Query("SHOW nothing")), ElementsAre(HasSubstr("E42704"), "ZI"));
  EXPECT_THAT(Send(Query("BEGIN READ ONLY")), ElementsAre("CBEGIN", "ZT"));
  EXPECT_THAT(Send(Query("INSERT INTO t VALUES ('2025-01-01', 'a', 1)")),
              ElementsAre(HasSubstr("E25006"), "ZE"));
  Send(Query("ROLLBACK"));
  EXPECT_THAT(Send(Query("BEGIN ISOLATION LEVEL SERIALIZABLE")),
              ElementsAre(HasSubstr("E0A000"), "ZI"));
}

TEST_F(ProtocolTest, AServerThatStopsBeginsNothing) {
  entry_->StopForGood(StopReason::kShutdown);
  EXPECT_THAT(Send(Query("SELECT 1")), ElementsAre(HasSubstr("E57P01")));
  EXPECT_TRUE(closed_);
  EXPECT_THAT(session_->events, ElementsAre());
}

TEST_F(ProtocolTest, AServerThatStopsEndsACopyThatWaitsForItsClient) {
  EXPECT_THAT(Send(Query("COPY t FROM STDIN")), ElementsAre("G"));
  EXPECT_THAT(Send(Message('d', "2025-01-01\ta\t1\n")), ElementsAre());
  entry_->StopForGood(StopReason::kShutdown);
  EXPECT_THAT(Send(""), ElementsAre(HasSubstr("E57P01")));
  EXPECT_EQ(session_->rows_written, 0u);
}

TEST_F(ProtocolTest, ACopyIsCancelledWithoutAWordFromItsClient) {
  EXPECT_THAT(Send(Query("COPY t FROM STDIN")), ElementsAre("G"));
  entry_->Stop(StopReason::kUser);
  EXPECT_THAT(Send(""), ElementsAre("E57014 canceling statement due to user request", "ZI"));
  EXPECT_THAT(Send(Query("SELECT 1")), ElementsAre("T", "D1", "CSELECT 1", "ZI"));
}

TEST_F(ProtocolTest, OversizedStatementsLeaveTheConnectionOpen) {
  EXPECT_THAT(Send(Query("SELECT 1 " + std::string(200'000, ' ')) + Query("SELECT 1")),
              ElementsAre(HasSubstr("E54000"), "ZI", "T", "D1", "CSELECT 1", "ZI"));
  EXPECT_THAT(Send(Message('P', std::string(200'000, 'x')) + Execute("") + kSync),
              ElementsAre(HasSubstr("E54000"), "ZI"));
}

TEST_F(ProtocolTest, BrokenFramingEndsTheConnection) {
  EXPECT_THAT(Send("Q\0\0\0\1"s), ElementsAre(HasSubstr("E08P01")));
  EXPECT_TRUE(closed_);
}

TEST_F(ProtocolTest, RefusedInputIsAnsweredAndForgotten) {
  protocol_->RefuseInput(SqlError(sqlstate::kConfigurationLimitExceeded, "full"));
  EXPECT_THAT(Send(Query("SELECT 1")), ElementsAre("E53400 full", "ZI"));
  protocol_->RefuseInput(SqlError(sqlstate::kConfigurationLimitExceeded, "full"));
  EXPECT_THAT(Send(Parse("", "SELECT 1") + Bind("", "", {}) + Execute("") + kSync),
              ElementsAre("E53400 full", "ZI"));
  EXPECT_THAT(Send(Query("SELECT 1")), ElementsAre("T", "D1", "CSELECT 1", "ZI"));
}

}  // namespace
}  // namespace varve::server::pg
