// Keeps what has arrived of COPY data in text or csv until whole rows are there, and reads them.
//
// Role:     CopyDecoder::Feed -> [CopyLines] -> ReadField of copy_text and copy_csv -> CopyRows.
// Limits:   a row cut by a chunk's end is read again from its start; the buffer doubles between two
//           tries, so that the work stays linear in the input.
// Errors:   sticky: after one, Feed and Finish return it again.
// Threads:  single owner.
#pragma once

#include <string>
#include <vector>

#include "ingest/copy_decoder.h"
#include "ingest/copy_rows.h"

namespace varve::ingest {

class CopyLines : public CopyDecoder {
 public:
  CopyLines(const CopySpec& spec, CopyRows rows);

  size_t columns() const override { return rows_.columns(); }
  Status Feed(std::string_view chunk) override;
  Status Finish() override;
  std::vector<BatchRef> TakeBatches() override { return rows_.TakeBatches(); }
  uint64_t rows() const override { return rows_.rows(); }

 protected:
  enum class LineEnd { kUnknown, kNewline, kCarriageReturnNewline };

  // One field: it goes through Put or PutNull, the cursor to the delimiter or line end behind it.
  // False: the text ends before the field does. `at_end`: no more text will come.
  virtual Result<bool> ReadField(const char*& cursor, const char* end, bool at_end) = 0;

  Status Put(std::string_view value);
  Status PutNull();
  const CopySpec& spec() const { return spec_; }
  Status BadFormat(std::string_view what) const { return rows_.BadFormat(what, row_line_); }
  size_t field() const { return field_; }
  // Lines passed inside of the row that is being read.
  void CountLine() { ++lines_in_row_; }

 private:
  // Takes the line end at `cursor`: '\n' or '\r' stands there. 22P04 when it is not like the first.
  Status TakeLineEnd(const char*& cursor, const char* end);
  // One row, the cursor to the start of the next line. False: the text ends before the row does.
  Result<bool> ReadRow(const char*& cursor, const char* end, bool at_end);
  Status Read(std::string_view text, bool at_end, size_t& consumed);
  Status ReadOne(const char*& cursor, const char* end, bool at_end, bool& complete);
  bool IsEndMarker(const char* cursor, const char* end, bool at_end) const;
  Status EndHeader();
  Status EndRow();

  const CopySpec spec_;
  CopyRows rows_;
  std::string buffer_;
  size_t retry_bytes_ = 0;  // the buffer's size from which reading it is worth another try
  bool in_header_;
  bool ended_ = false;  // \. was seen
  bool check_rows_ = false;
  LineEnd line_end_ = LineEnd::kUnknown;
  uint64_t row_line_ = 1;
  uint64_t lines_in_row_ = 0;
  size_t field_ = 0;
  std::vector<std::string> header_;
  Status failure_;
};

std::unique_ptr<CopyDecoder> NewCopyText(const CopySpec& spec, CopyRows rows);
std::unique_ptr<CopyDecoder> NewCopyCsv(const CopySpec& spec, CopyRows rows,
                                        std::vector<bool> force_not_null,
                                        std::vector<bool> force_null);
std::unique_ptr<CopyDecoder> NewCopyBinary(CopyRows rows);

}  // namespace varve::ingest
