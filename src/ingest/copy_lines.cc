#include "ingest/copy_lines.h"

#include "ingest/value_text.h"

namespace varve::ingest {

CopyLines::CopyLines(const CopySpec& spec, CopyRows rows)
    : spec_(spec), rows_(std::move(rows)), in_header_(spec.header != CopyHeader::kNone) {}

Status CopyLines::Put(std::string_view value) {
  const size_t i = field_++;
  if (in_header_) [[unlikely]] {
    header_.emplace_back(value);
    return OkStatus();
  }
  return rows_.AppendText(i, value, row_line_);
}

Status CopyLines::PutNull() {
  const size_t i = field_++;
  if (in_header_) [[unlikely]] {
    header_.push_back(spec_.null_text);
    return OkStatus();
  }
  return rows_.AppendNull(i, row_line_);
}

Status CopyLines::TakeLineEnd(const char*& cursor, const char* end) {
  const bool carriage_return = *cursor == '\r';
  const bool pair = carriage_return && cursor + 1 < end && cursor[1] == '\n';
  const bool csv = spec_.format == CopyFormat::kCsv;
  if (line_end_ == LineEnd::kUnknown) {
    line_end_ = pair ? LineEnd::kCarriageReturnNewline : LineEnd::kNewline;
  }
  // A lone carriage return is taken at the very end of the text only.
  const bool last = carriage_return && cursor + 1 == end;
  if (carriage_return && !last && line_end_ == LineEnd::kNewline) {
    return BadFormat(csv ? "unquoted carriage return found in data"
                         : "literal carriage return found in data");
  }
  if (carriage_return && !pair && !last) {
    return BadFormat(csv ? "unquoted carriage return found in data"
                         : "literal carriage return found in data");
  }
  if (!carriage_return && line_end_ == LineEnd::kCarriageReturnNewline) {
    return BadFormat(csv ? "unquoted newline found in data" : "literal newline found in data");
  }
  cursor += pair ? 2 : 1;
  return OkStatus();
}

Result<bool> CopyLines::ReadRow(const char*& cursor, const char* end, bool at_end) {
  while (true) {
    VARVE_ASSIGN_OR_RETURN(const bool complete, ReadField(cursor, end, at_end));
    if (!complete) return false;
    if (cursor == end) return true;
    if (*cursor != spec_.delimiter) {
      VARVE_RETURN_IF_ERROR(TakeLineEnd(cursor, end));
      return true;
    }
    ++cursor;
  }
}

// A line of \. alone ends the data, whatever follows.
bool CopyLines::IsEndMarker(const char* cursor, const char* end, bool at_end) const {
  if (end - cursor < 2 || cursor[0] != '\\' || cursor[1] != '.') return false;
  if (end - cursor == 2) return at_end;
  return cursor[2] == '\n' || cursor[2] == '\r';
}

Status CopyLines::EndHeader() {
  in_header_ = false;
  if (spec_.header == CopyHeader::kSkip) return OkStatus();
  if (header_.size() != rows_.columns()) {
    return BadFormat(fmt::format("wrong number of fields in header line: got {}, expected {}",
                                 header_.size(), rows_.columns()));
  }
  for (size_t i = 0; i < header_.size(); ++i) {
    if (header_[i] == rows_.column_name(i)) continue;
    return BadFormat(
        fmt::format("column name mismatch in header line field {}: got \"{}\", expected \"{}\"",
                    i + 1, header_[i], rows_.column_name(i)));
  }
  return OkStatus();
}

Status CopyLines::EndRow() {
  const Status status = in_header_ ? EndHeader() : rows_.EndRow(field_, row_line_);
  row_line_ += 1 + lines_in_row_;
  return status;
}

Status CopyLines::ReadOne(const char*& cursor, const char* end, bool at_end, bool& complete) {
  const char* const first = cursor;
  field_ = 0;
  lines_in_row_ = 0;
  if (in_header_) header_.clear();
  const LineEnd line_end = line_end_;
  Result<bool> read = ReadRow(cursor, end, at_end);
  if (read.ok() && !*read) {  // cut short: forget it until more has come
    cursor = first;
    line_end_ = line_end;
    rows_.AbandonRow();
    complete = false;
    return OkStatus();
  }
  complete = true;
  if (check_rows_) {
    Status text = CheckText({first, static_cast<size_t>(cursor - first)});
    if (!text.ok()) return rows_.AtLine(std::move(text), row_line_);
  }
  VARVE_RETURN_IF_ERROR(std::move(read).status());
  return EndRow();
}

// Reads all whole rows of `text`, which ends with a line end unless nothing follows it.
Status CopyLines::Read(std::string_view text, bool at_end, size_t& consumed) {
  const char* cursor = text.data();
  const char* const end = cursor + text.size();
  // All at once is much faster; only when that fails the line matters.
  check_rows_ = check_rows_ || !CheckText(text).ok();
  bool complete = true;
  while (cursor < end && complete && !ended_) {
    if (IsEndMarker(cursor, end, at_end)) {
      ended_ = true;
      break;
    }
    VARVE_RETURN_IF_ERROR(ReadOne(cursor, end, at_end, complete));
  }
  consumed = static_cast<size_t>(cursor - text.data());
  return OkStatus();
}

Status CopyLines::Feed(std::string_view chunk) {
  if (!failure_.ok() || ended_) return failure_;
  const size_t newline = chunk.rfind('\n');
  const bool buffered = !buffer_.empty();
  if (buffered || newline == std::string_view::npos) {
    if (buffer_.size() + chunk.size() > kCopyRowBytesMax) {
      return failure_ = rows_.AtLine(
                 SqlErrorf(sqlstate::kStatementTooComplex,
                           "a row of COPY data is longer than {} bytes", kCopyRowBytesMax),
                 row_line_);
    }
    buffer_.append(chunk);
    if (newline == std::string_view::npos || buffer_.size() < retry_bytes_) return OkStatus();
  }
  const std::string_view text =
      buffered ? std::string_view(buffer_).substr(0, buffer_.size() - chunk.size() + newline + 1)
               : chunk.substr(0, newline + 1);
  size_t consumed = 0;
  failure_ = Read(text, false, consumed);
  if (!failure_.ok()) return failure_;
  if (buffered) {
    buffer_.erase(0, consumed);
  } else {
    buffer_.assign(chunk.substr(consumed));
  }
  // Rows were cut although a line end came: the next try waits for twice as much.
  retry_bytes_ = consumed < text.size() ? buffer_.size() * 2 : 0;
  return OkStatus();
}

Status CopyLines::Finish() {
  if (!failure_.ok()) return failure_;
  if (!ended_ && !buffer_.empty()) {
    size_t consumed = 0;
    failure_ = Read(buffer_, true, consumed);
    buffer_.clear();
  }
  if (failure_.ok()) failure_ = rows_.Flush(row_line_);
  return failure_;
}

}  // namespace varve::ingest
