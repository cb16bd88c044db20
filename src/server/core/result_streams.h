// Gives the results of statements that the server answers itself the shape of engine results.
//
// Role:     client_session -> [TagStream, TextRowsStream] -> the protocol's encoder.
// Threads:  single owner.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/session.h"

namespace varve::server {

// No rows, only a command tag.
class TagStream : public engine::ResultStream {
 public:
  explicit TagStream(std::string tag) : tag_(std::move(tag)) {}

  const std::vector<engine::ResultColumn>& columns() const override { return columns_; }
  Result<std::optional<engine::ResultChunk>> Fetch() override {
    return std::optional<engine::ResultChunk>();
  }
  std::string command_tag() const override { return tag_; }

 private:
  std::string tag_;
  std::vector<engine::ResultColumn> columns_;
};

// Rows of text.
class TextRowsStream : public engine::ResultStream {
 public:
  TextRowsStream(const std::vector<std::string>& names, std::vector<std::vector<std::string>> rows,
                 std::string tag);

  const std::vector<engine::ResultColumn>& columns() const override { return columns_; }
  Result<std::optional<engine::ResultChunk>> Fetch() override;
  std::string command_tag() const override { return tag_; }

 private:
  std::vector<engine::ResultColumn> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::string tag_;
};

}  // namespace varve::server
