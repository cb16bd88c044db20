// COPY's binary format: a signature, then per row a count of fields and each field's length and
// bytes, then a count of -1.
#include <string>

#include "ingest/copy_lines.h"

namespace varve::ingest {
namespace {

constexpr std::string_view kSignature{"PGCOPY\n\xff\r\n\0", 11};
constexpr size_t kHeaderBytes = kSignature.size() + 8;  // flags and the length of an extension

uint32_t ReadU32(const char* p) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(p[i]);
  return value;
}

class CopyBinary : public CopyDecoder {
 public:
  explicit CopyBinary(CopyRows rows) : rows_(std::move(rows)) {}

  size_t columns() const override { return rows_.columns(); }
  std::vector<BatchRef> TakeBatches() override { return rows_.TakeBatches(); }
  uint64_t rows() const override { return rows_.rows(); }

  Status Feed(std::string_view chunk) override {
    if (!failure_.ok()) return failure_;
    const bool buffered = !buffer_.empty();
    if (buffered) {
      buffer_.append(chunk);
      if (buffer_.size() < need_bytes_) return OkStatus();
    }
    std::string_view rest = buffered ? std::string_view(buffer_) : chunk;
    failure_ = Read(rest);
    if (!failure_.ok()) return failure_;
    if (buffered) {
      buffer_.erase(0, buffer_.size() - rest.size());
    } else {
      buffer_.assign(rest);
    }
    return OkStatus();
  }

  Status Finish() override {
    // The count of -1 at the end may be missing, as it may in PostgreSQL.
    if (failure_.ok() && !header_read_) {
      failure_ = rows_.BadFormat("COPY file signature not recognized", line_);
    } else if (failure_.ok() && !buffer_.empty()) {
      failure_ = rows_.BadFormat("unexpected EOF in COPY data", line_);
    }
    if (failure_.ok()) failure_ = rows_.Flush(line_);
    return failure_;
  }

 private:
  // Takes all whole rows off `rest`.
  Status Read(std::string_view& rest) {
    need_bytes_ = 0;
    if (!header_read_) {
      VARVE_RETURN_IF_ERROR(ReadHeader(rest));
      if (!header_read_) return OkStatus();
    }
    bool complete = true;
    while (complete && !rest.empty()) {
      if (ended_) return rows_.BadFormat("received copy data after EOF marker", line_);
      VARVE_RETURN_IF_ERROR(ReadRow(rest, complete));
    }
    return OkStatus();
  }

  Status ReadHeader(std::string_view& rest) {
    const size_t known = std::min(rest.size(), kSignature.size());
    if (rest.substr(0, known) != kSignature.substr(0, known)) {
      return rows_.BadFormat("COPY file signature not recognized", line_);
    }
    if (rest.size() < kHeaderBytes) return OkStatus();
    const uint32_t flags = ReadU32(rest.data() + kSignature.size());
    const uint32_t extension = ReadU32(rest.data() + kSignature.size() + 4);
    if ((flags & 0xFFFF0000u) != 0) {
      return rows_.BadFormat("unrecognized critical flags in COPY file header", line_);
    }
    if (extension > kExtensionMax) {
      return rows_.BadFormat("invalid COPY file header (wrong length)", line_);
    }
    if (rest.size() < kHeaderBytes + extension) return OkStatus();
    rest.remove_prefix(kHeaderBytes + extension);
    header_read_ = true;
    return OkStatus();
  }

  // Looks at the lengths first, so that a row is appended only when it is there as a whole.
  Status ReadRow(std::string_view& rest, bool& complete) {
    complete = rest.size() >= 2;
    if (!complete) return OkStatus();
    const auto count =
        static_cast<int16_t>(static_cast<uint8_t>(rest[0]) << 8 | static_cast<uint8_t>(rest[1]));
    if (count == -1) {
      ended_ = true;
      rest.remove_prefix(2);
      return OkStatus();
    }
    if (count < 0 || static_cast<size_t>(count) != columns()) {
      return rows_.BadFormat(fmt::format("row field count is {}, expected {}", count, columns()),
                             line_);
    }
    size_t bytes = 2;
    for (size_t i = 0; i < columns(); ++i) {
      complete = rest.size() >= bytes + 4;
      if (!complete) return OkStatus();
      const auto length = static_cast<int32_t>(ReadU32(rest.data() + bytes));
      if (length < -1) return rows_.BadFormat("invalid field size", line_);
      bytes += 4 + (length > 0 ? static_cast<size_t>(length) : 0);
      if (bytes > kCopyRowBytesMax) {
        return rows_.AtLine(
            SqlErrorf(sqlstate::kStatementTooComplex, "a row of COPY data is longer than {} bytes",
                      kCopyRowBytesMax),
            line_);
      }
    }
    complete = rest.size() >= bytes;
    need_bytes_ = complete ? 0 : bytes;
    if (!complete) return OkStatus();
    VARVE_RETURN_IF_ERROR(AppendRow(rest));
    rest.remove_prefix(bytes);
    ++line_;
    return OkStatus();
  }

  Status AppendRow(std::string_view row) {
    size_t at = 2;
    for (size_t i = 0; i < columns(); ++i) {
      const auto length = static_cast<int32_t>(ReadU32(row.data() + at));
      at += 4;
      if (length < 0) {
        VARVE_RETURN_IF_ERROR(rows_.AppendNull(i, line_));
        continue;
      }
      const auto bytes = static_cast<size_t>(length);
      VARVE_RETURN_IF_ERROR(rows_.AppendBinary(i, row.substr(at, bytes), line_));
      at += bytes;
    }
    return rows_.EndRow(columns(), line_);
  }

  static constexpr uint32_t kExtensionMax = 1 << 20;

  CopyRows rows_;
  std::string buffer_;
  size_t need_bytes_ = 0;  // how long the row that was cut is, as far as known
  bool header_read_ = false;
  bool ended_ = false;
  uint64_t line_ = 1;
  Status failure_;
};

}  // namespace

std::unique_ptr<CopyDecoder> NewCopyBinary(CopyRows rows) {
  return std::make_unique<CopyBinary>(std::move(rows));
}

}  // namespace varve::ingest
