#include "lake/dynamo_commits.h"

#include <gmock/gmock.h>

#include "lake/dynamo_commits_test.h"

namespace varve::lake {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class DynamoCommitsTest : public DynamoCommitsFixture {
 protected:
  // Leaves a commit of which only the item is written, as a writer does that is killed then.
  void CommitHalf(int64_t version, const std::string& content) {
    const auto killed = NewWriter();
    killed->store.SetBefore("put_if_absent", [](auto) { return Unavailable("killed"); });
    ASSERT_EQ(killed->commits->Put(kTable, version, content).code(), StatusCode::kUnavailable);
    ASSERT_EQ(Complete(version), "false");
    ASSERT_EQ(Version(version), "");
  }

  std::unique_ptr<Writer> writer_ = NewWriter();
};

INSTANTIATE_TEST_SUITE_P(Keys, DynamoCommitsTest, ::testing::Values(OwnKeys(), DeltaKeys()),
                         [](const auto& keys) {
                           return keys.param == OwnKeys() ? "Own" : "Delta";
                         });

TEST_P(DynamoCommitsTest, ACommitIsAFileAndACompleteItem) {
  std::string temporary;
  writer_->store.SetBefore("put", [&](std::string_view name) {
    temporary = name;
    return OkStatus();
  });
  ASSERT_TRUE(writer_->commits->Put(kTable, 0, "zero").ok());
  EXPECT_EQ(Version(0), "zero");
  EXPECT_EQ(TemporaryFiles(), 0u);
  EXPECT_THAT(temporary, StartsWith("events/_delta_log/.tmp/00000000000000000000.json."));

  const io::DynamoItem item = Item(0);
  if (GetParam() == OwnKeys()) {
    EXPECT_EQ(item.at("key").text, "s3://bucket/lake/events/0");
  } else {
    EXPECT_EQ(item.at("tablePath").text, "s3a://bucket/lake/events");
    EXPECT_EQ(item.at("fileName").text, "00000000000000000000.json");
  }
  EXPECT_EQ("events/_delta_log/" + item.at("tempPath").text, temporary);
  EXPECT_EQ(item.at("complete"), (io::DynamoValue{"true", false}));
  EXPECT_TRUE(item.at("expireTime").is_number);
  const int64_t day = 24 * 3600;
  EXPECT_NEAR(std::stod(item.at("expireTime").text),
              static_cast<double>(Clock::System().NowUs() / 1'000'000 + day), 100);
}

TEST_P(DynamoCommitsTest, ATakenVersionIsRefusedAndReadable) {
  ASSERT_TRUE(writer_->commits->Put(kTable, 0, "zero").ok());
  EXPECT_EQ(NewWriter()->commits->Put(kTable, 0, "other").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Version(0), "zero");
  EXPECT_EQ(TemporaryFiles(), 0u);
}

TEST_P(DynamoCommitsTest, SettleFinishesWhatAKilledWriterNoted) {
  CommitHalf(0, "zero");
  ASSERT_TRUE(writer_->commits->Settle(kTable).ok());
  EXPECT_EQ(Version(0), "zero");
  EXPECT_EQ(Complete(0), "true");
  EXPECT_EQ(TemporaryFiles(), 0u);
  CommitHalf(1, "one");
  ASSERT_TRUE(writer_->commits->Settle(kTable).ok());
  EXPECT_EQ(Version(1), "one");
}

TEST_P(DynamoCommitsTest, TheNextWriterFinishesWhatAKilledOneNoted) {
  CommitHalf(0, "zero");
  EXPECT_EQ(writer_->commits->Put(kTable, 0, "other").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Version(0), "zero");
  EXPECT_EQ(Complete(0), "true");
}

TEST_P(DynamoCommitsTest, AKillBeforeTheMarkIsMadeGoodByTheNextCommit) {
  db_.SetBefore(Op::kUpdate, [] { return Unavailable("killed"); });
  ASSERT_TRUE(NewWriter()->commits->Put(kTable, 0, "zero").ok());
  EXPECT_EQ(Complete(0), "false");
  db_.SetBefore(Op::kUpdate, nullptr);
  ASSERT_TRUE(writer_->commits->Put(kTable, 1, "one").ok());
  EXPECT_EQ(Complete(0), "true");
  EXPECT_EQ(Complete(1), "true");
  EXPECT_EQ(TemporaryFiles(), 0u);
}

// delta-rs moves the temporary file into place where others copy it.
TEST_P(DynamoCommitsTest, AFileThatWasMovedIntoPlaceIsMarked) {
  CommitHalf(0, "zero");
  const std::string temporary = "events/_delta_log/" + TempPath(0);
  ASSERT_TRUE(store_->Put(CommitName(kTable, 0), *store_->Get(temporary)).ok());
  ASSERT_TRUE(store_->Delete(temporary).ok());
  ASSERT_TRUE(writer_->commits->Settle(kTable).ok());
  EXPECT_EQ(Complete(0), "true");
  EXPECT_EQ(Version(0), "zero");
}

// An item that may be ours is a commit that may happen, whatever the error.
TEST_P(DynamoCommitsTest, ACommitWhoseItemCannotBeReadIsInDoubt) {
  ASSERT_TRUE(writer_->commits->Put(kTable, 0, "zero").ok());
  const auto forbidden = [] { return FailedPrecondition("the keys are gone (test)"); };
  // Two tries of one call: the first was done, the second finds its item.
  db_.SetAfter(Op::kPut, [&] {
    db_.SetBefore(Op::kGet, forbidden);
    return Status(StatusCode::kAborted, "there is one (test)");
  });
  const Status unknown = writer_->commits->Put(kTable, 1, "one");
  EXPECT_EQ(unknown.code(), StatusCode::kUnavailable) << unknown;
  EXPECT_THAT(std::string(MessageOf(unknown)), HasSubstr("the keys are gone"));
  db_.SetBefore(Op::kGet, nullptr);
  db_.SetAfter(Op::kPut, nullptr);
  ASSERT_TRUE(writer_->commits->Settle(kTable).ok());
  EXPECT_EQ(Version(1), "one");

  // The version is another's, and our file cannot be taken away.
  writer_->store.SetBefore(
      "put_if_absent", [&](std::string_view name) { return store_->Put(name, "a stranger's"); });
  writer_->store.SetBefore("delete", [&](auto) { return forbidden(); });
  EXPECT_EQ(writer_->commits->Put(kTable, 2, "two").code(), StatusCode::kUnavailable);
  EXPECT_EQ(Version(2), "a stranger's");
}

TEST_P(DynamoCommitsTest, AnItemWhoseFileIsNowhereStopsNobody) {
  CommitHalf(0, "zero");
  ASSERT_TRUE(store_->Delete("events/_delta_log/" + TempPath(0)).ok());
  ASSERT_TRUE(writer_->commits->Settle(kTable).ok());
  ASSERT_TRUE(writer_->commits->Put(kTable, 0, "mine").ok());
  EXPECT_EQ(Version(0), "mine");
  EXPECT_EQ(Complete(0), "true");
}

TEST_P(DynamoCommitsTest, ItemsOfAFormerTableAreReplaced) {
  for (int64_t v = 0; v < 3; ++v) {
    ASSERT_TRUE(writer_->commits->Put(kTable, v, fmt::format("old {}", v)).ok());
  }
  const auto objects = *store_->List("events/");
  for (const auto& object : objects) ASSERT_TRUE(store_->Delete(object.name).ok());
  const auto other = NewWriter();
  ASSERT_TRUE(other->commits->Settle(kTable).ok());
  for (int64_t v = 0; v < 3; ++v) {
    ASSERT_TRUE(other->commits->Put(kTable, v, fmt::format("new {}", v)).ok());
    EXPECT_EQ(Version(v), fmt::format("new {}", v));
  }
}

TEST_P(DynamoCommitsTest, ForgetDropsTheItemsThatCanBeListed) {
  for (int64_t v = 0; v < 3; ++v) ASSERT_TRUE(writer_->commits->Put(kTable, v, "x").ok());
  ASSERT_TRUE(writer_->commits->Put("other", 0, "x").ok());
  ASSERT_TRUE(writer_->commits->Forget(kTable).ok());
  EXPECT_EQ(db_.items().size(), GetParam() == DeltaKeys() ? 1u : 4u);
}

// The items of others expire a day after they were complete.
TEST_P(DynamoCommitsTest, AVersionWhoseItemHasExpiredIsTaken) {
  ASSERT_TRUE(writer_->commits->Put(kTable, 0, "zero").ok());
  ASSERT_TRUE(db_.Delete(KeyOf(0), {}).ok());
  EXPECT_EQ(NewWriter()->commits->Put(kTable, 0, "late").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Version(0), "zero");
  EXPECT_EQ(Complete(0), "no item");
}

TEST_P(DynamoCommitsTest, AVersionThatWasCleanedUpIsTaken) {
  for (int64_t v = 0; v < 3; ++v) ASSERT_TRUE(writer_->commits->Put(kTable, v, "x").ok());
  ASSERT_TRUE(store_->Delete(CommitName(kTable, 1)).ok());
  EXPECT_EQ(NewWriter()->commits->Put(kTable, 1, "late").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Version(1), "");
}

TEST_P(DynamoCommitsTest, ALostAnswerDoesNotMakeTheCommitAnothers) {
  // The client's second try meets the item of its first.
  struct Repeating : io::testing::MemoryDynamoDb {
    using MemoryDynamoDb::MemoryDynamoDb;
    Status Put(const io::DynamoItem& item, const io::DynamoCondition& condition) override {
      const Status first = MemoryDynamoDb::Put(item, condition);
      return first.ok() ? MemoryDynamoDb::Put(item, condition) : first;
    }
  } db(GetParam());
  const auto commits = *DynamoCommits::Open(*store_, db, Clock::System(), {"s3", "bucket", "lake"});
  ASSERT_TRUE(commits->Put(kTable, 0, "zero").ok());
  EXPECT_EQ(Version(0), "zero");
  EXPECT_EQ(commits->Put(kTable, 0, "again").code(), StatusCode::kAlreadyExists);
}

TEST_P(DynamoCommitsTest, AStoreWithoutConditionalPutWillDo) {
  writer_->store.conditional = false;
  ASSERT_TRUE(writer_->commits->Put(kTable, 0, "zero").ok());
  EXPECT_EQ(Version(0), "zero");
  CommitHalf(1, "one");
  ASSERT_TRUE(writer_->commits->Settle(kTable).ok());
  EXPECT_EQ(Version(1), "one");
  ASSERT_TRUE(store_->Put(CommitName(kTable, 2), "theirs").ok());
  EXPECT_EQ(writer_->commits->Put(kTable, 2, "mine").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Version(2), "theirs");
}

TEST_P(DynamoCommitsTest, AWriterWithoutItemsIsNotOverwritten) {
  ASSERT_TRUE(store_->Put(CommitName(kTable, 0), "theirs").ok());
  EXPECT_EQ(writer_->commits->Put(kTable, 0, "mine").code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(db_.items().empty());

  // It comes between our look at the log and our item.
  writer_->store.SetBefore(
      "put", [&](auto) { return store_->PutIfAbsent(CommitName(kTable, 1), "theirs too"); });
  EXPECT_EQ(writer_->commits->Put(kTable, 1, "mine").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Version(1), "theirs too");
  EXPECT_EQ(Complete(1), "true");
  EXPECT_EQ(TemporaryFiles(), 0u);

  // The next one is ours again.
  writer_->store.SetBefore("put", nullptr);
  EXPECT_TRUE(writer_->commits->Put(kTable, 2, "mine").ok());
}

TEST_P(DynamoCommitsTest, NothingIsCommittedWhileTheLockTableIsAway) {
  db_.SetBefore(Op::kPut, [] { return Unavailable("DynamoDB is away"); });
  EXPECT_EQ(writer_->commits->Put(kTable, 0, "zero").code(), StatusCode::kUnavailable);
  EXPECT_EQ(Version(0), "");
  for (const Op op : {Op::kGet, Op::kQuery}) {
    db_.SetBefore(op, [] { return Unavailable("DynamoDB is away"); });
  }
  EXPECT_EQ(writer_->commits->Settle(kTable).code(), StatusCode::kUnavailable);
  // NotFound would mean that there is no Delta table here.
  for (const Op op : {Op::kGet, Op::kQuery}) {
    db_.SetBefore(op, [] { return NotFound("the lock table is gone"); });
  }
  EXPECT_EQ(writer_->commits->Settle(kTable).code(), StatusCode::kFailedPrecondition);
}

TEST_P(DynamoCommitsTest, AnItemThatIsNoCommitIsNamed) {
  ASSERT_TRUE(writer_->commits->Put(kTable, 0, "zero").ok());
  io::DynamoItem item = Item(0);
  item.erase("tempPath");
  ASSERT_TRUE(db_.Put(item, {}).ok());
  ASSERT_TRUE(store_->Delete(CommitName(kTable, 0)).ok());
  const Status refused = NewWriter()->commits->Put(kTable, 0, "late");
  EXPECT_EQ(refused.code(), StatusCode::kDataLoss);
  EXPECT_THAT(std::string(MessageOf(refused)), HasSubstr("://bucket/lake/events"));
}

TEST_P(DynamoCommitsTest, TemporaryFilesByWholeAddressAreFound) {
  CommitHalf(0, "zero");
  ASSERT_TRUE(db_.Update(KeyOf(0),
                         {{"tempPath", {"s3://bucket/lake/events/_delta_log/" + TempPath(0)}}}, {})
                  .ok());
  ASSERT_TRUE(writer_->commits->Settle(kTable).ok());
  EXPECT_EQ(Version(0), "zero");
  CommitHalf(1, "one");
  for (const char* elsewhere : {"s3://other/_delta_log/x", "s3://bucket/lakeside/_delta_log/x"}) {
    ASSERT_TRUE(db_.Update(KeyOf(1), {{"tempPath", {elsewhere}}}, {}).ok());
    EXPECT_EQ(writer_->commits->Settle(kTable).code(), StatusCode::kDataLoss) << elsewhere;
  }
}

TEST_P(DynamoCommitsTest, TwoNamesForOneTableAreRefused) {
  ASSERT_TRUE(writer_->commits->Put(kTable, 0, "zero").ok());
  const auto other = NewWriter("s3");
  const Status refused = other->commits->Settle(kTable);
  if (GetParam() == OwnKeys()) {  // it has one name only
    EXPECT_TRUE(refused.ok());
    EXPECT_EQ(other->commits->Put(kTable, 0, "other").code(), StatusCode::kAlreadyExists);
    EXPECT_EQ(db_.items().size(), 1u);
    return;
  }
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(MessageOf(refused)), HasSubstr("dynamodb-path-scheme=s3a"));
}

// A mark without its condition would make a commit of that one look complete that is not.
TEST_P(DynamoCommitsTest, OnlyTheOwnItemIsMarked) {
  writer_->store.SetBefore("put_if_absent", [&](auto) {
    io::DynamoItem item = Item(0);
    item["tempPath"].text += "-of-another";
    return db_.Put(item, {});
  });
  ASSERT_TRUE(writer_->commits->Put(kTable, 0, "zero").ok());
  EXPECT_EQ(Complete(0), "false");
}

// The item's file must not be there any more when the item looks finished, and must be there until
// then for whoever finishes it.
TEST_P(DynamoCommitsTest, TheFileGoesBeforeTheMarkOnlyWhenAnotherHasTheVersion) {
  writer_->store.SetBefore(
      "put", [&](auto) { return store_->PutIfAbsent(CommitName(kTable, 0), "theirs"); });
  size_t files = 1;
  db_.SetBefore(Op::kUpdate, [&] {
    files = TemporaryFiles();
    return Unavailable("away");
  });
  EXPECT_EQ(writer_->commits->Put(kTable, 0, "mine").code(), StatusCode::kUnavailable)
      << "not a success: the version is another's";
  EXPECT_EQ(files, 0u);
  writer_->store.SetBefore("put", nullptr);
  db_.SetBefore(Op::kUpdate, nullptr);

  CommitHalf(1, "one");
  db_.SetBefore(Op::kUpdate, [] { return Unavailable("away"); });
  EXPECT_EQ(writer_->commits->Settle(kTable).code(), StatusCode::kUnavailable);
  EXPECT_EQ(TemporaryFiles(), 1u);
}

TEST_P(DynamoCommitsTest, WhatIsInDoubtSaysSo) {
  writer_->store.SetBefore("put_if_absent", [](auto) { return NotFound("no such bucket"); });
  EXPECT_EQ(writer_->commits->Put(kTable, 0, "zero").code(), StatusCode::kUnavailable)
      << "its item is there, and somebody may finish it";
  ASSERT_TRUE(NewWriter()->commits->Settle(kTable).ok());
  EXPECT_EQ(Version(0), "zero");
  db_.SetBefore(Op::kPut, [] { return NotFound("the lock table is gone"); });
  EXPECT_EQ(NewWriter()->commits->Put(kTable, 1, "one").code(), StatusCode::kFailedPrecondition)
      << "NotFound would mean that there is no Delta table";
}

TEST_P(DynamoCommitsTest, OfTwoWhoReplaceAnItemOneWins) {
  CommitHalf(0, "lost");
  ASSERT_TRUE(store_->Delete("events/_delta_log/" + TempPath(0)).ok());
  const auto faster = NewWriter();
  std::string winner;
  int puts = 0;
  db_.SetBefore(Op::kPut, [&] {
    if (++puts != 2) return OkStatus();  // the second one replaces what the first one met
    EXPECT_TRUE(faster->commits->Put(kTable, 0, "faster").ok());
    winner = TempPath(0);
    return OkStatus();
  });
  EXPECT_EQ(writer_->commits->Put(kTable, 0, "slower").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Version(0), "faster");
  EXPECT_EQ(TempPath(0), winner);
}

// A new table in the folder of one whose items are still there, or that this writer has known.
TEST_P(DynamoCommitsTest, ANewTableIsSettledFromItsBeginning) {
  for (int64_t v = 0; v < 3; ++v) ASSERT_TRUE(writer_->commits->Put(kTable, v, "old").ok());
  const auto remove_all = [&] {
    const auto objects = *store_->List("events/");
    for (const auto& object : objects) ASSERT_TRUE(store_->Delete(object.name).ok());
  };
  remove_all();
  ASSERT_TRUE(writer_->commits->Forget(kTable).ok());
  CommitHalf(0, "new");
  ASSERT_TRUE(writer_->commits->Settle(kTable).ok());
  EXPECT_EQ(Version(0), "new");

  if (GetParam() == DeltaKeys()) return;  // its newest item is looked at, and Forget removes them
  remove_all();
  const auto other = NewWriter();
  ASSERT_TRUE(other->commits->Settle(kTable).ok());
  CommitHalf(0, "newer");
  ASSERT_TRUE(other->commits->Settle(kTable).ok());
  EXPECT_EQ(Version(0), "newer");
}

TEST_P(DynamoCommitsTest, ForgetLeavesTheItemsOfANewTable) {
  ASSERT_TRUE(writer_->commits->Put(kTable, 0, "x").ok());
  db_.SetBefore(Op::kDelete, [&] {
    io::DynamoItem item = Item(0);
    item["tempPath"].text += "-of-the-new-table";
    return db_.Put(item, {});
  });
  ASSERT_TRUE(writer_->commits->Forget(kTable).ok());
  EXPECT_EQ(db_.items().size(), 1u);
}

Status OpenWith(const DynamoKeys& keys) {
  io::testing::MemoryDynamoDb db(keys);
  return DynamoLayout::Read(db).status();
}

TEST(DynamoLayoutTest, OtherKeysAreRefusedWithWhatIsThere) {
  EXPECT_TRUE(OpenWith(OwnKeys()).ok());
  EXPECT_TRUE(OpenWith(DeltaKeys()).ok());
  const Status refused = OpenWith({{"id", "N", false}, {"sort", "S", true}});
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(
      MessageOf(refused),
      "DynamoDB table \"locks\" (dynamodb-table) has partition key \"id\" (N) and sort key "
      "\"sort\" (S); accepted is partition key \"key\" (S), or, to share tables with delta-rs "
      "and Spark, partition key \"tablePath\" (S) and sort key \"fileName\" (S)");
  EXPECT_FALSE(OpenWith({{"key", "N", false}}).ok());
  EXPECT_FALSE(OpenWith({{"tablePath", "S", false}}).ok());
  EXPECT_FALSE(OpenWith({{"key", "S", false}, {"fileName", "S", true}}).ok());
}

TEST(DynamoLayoutTest, AMissingTableIsRefusedWithTheKeysToGiveIt) {
  io::testing::MemoryDynamoDb db(OwnKeys());
  db.SetBefore(io::testing::MemoryDynamoDb::Op::kDescribe, [] { return NotFound("no table"); });
  const Status refused = DynamoLayout::Read(db).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(MessageOf(refused)),
              StartsWith("DynamoDB has no table \"locks\" (dynamodb-table): create it with"));
}

}  // namespace
}  // namespace varve::lake
