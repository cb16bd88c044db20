#include "lake/partition_path.h"

#include <algorithm>

#include "lake/iso_time.h"

namespace varve::lake {
namespace {

constexpr std::string_view kNullFolder = "__HIVE_DEFAULT_PARTITION__";
void AppendEscaped(std::string& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  out += '%';
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Only what every writer of URIs leaves as it is stays. Clients that compare the paths of the log
// with those of a listing (Spark's VACUUM) encode the latter by rules of their own; a path for
// which these differ from ours would be a file that nobody refers to, and be deleted.
std::string EscapeFolder(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (IsLetterOrDigit(c) || std::string_view("-_.@").find(c) != std::string_view::npos) {
      out += c;
    } else {
      AppendEscaped(out, static_cast<unsigned char>(c));
    }
  }
  return out;
}

// A file system takes 255 bytes for a name. The log says what the values are, and files have names
// of their own: values with one beginning may share a folder.
constexpr size_t kFolderBytesMax = 240;
// An object store takes 1,024 bytes for the whole name: at most 200 of them are the lake's prefix,
// 54 the file's own name.
constexpr size_t kPathBytesMax = 500;
constexpr size_t kFolderBytesMin = 16;
constexpr size_t kLocationAndPathBytesMax = 760;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Cuts between two characters, and not inside an escape of one.
void CutTo(size_t bytes_max, std::string& name) {
  if (name.size() <= bytes_max) return;
  size_t end = bytes_max;
  for (const size_t back : {size_t{1}, size_t{2}}) {
    if (back <= end && name[end - back] == '%') {
      end -= back;
      break;
    }
  }
  const auto continues_character = [&name](size_t at) {
    return name[at] == '%' && (HexDigit(name[at + 1]) & 0xC) == 0x8;
  };
  while (end > 3 && continues_character(end)) end -= 3;
  name.resize(end);
}

// Characters that stand for themselves in the path of a URI and that no reader treats otherwise.
bool IsPlainInUri(char c) {
  return IsLetterOrDigit(c) ||
         std::string_view("-_.~/=!$&'()*+,:@").find(c) != std::string_view::npos;
}

}  // namespace

std::string PartitionPath(
    const TableDef& table,
    const std::map<std::string, std::optional<std::string>, std::less<>>& values) {
  const size_t room =
      std::min(kPathBytesMax, kLocationAndPathBytesMax -
                                  std::min(kLocationAndPathBytesMax, table.location.size()));
  const size_t folder_max =
      std::min(kFolderBytesMax, room / std::max<size_t>(table.partition_columns.size(), 1));
  // Of so many columns, or in so deep a place, nothing could be read off the path.
  if (folder_max < kFolderBytesMin) return {};
  std::string path;
  for (const uint32_t index : table.partition_columns) {
    const std::string& name = table.columns[index].name;
    const auto value = values.find(name);
    const bool null = value == values.end() || !value->second || value->second->empty();
    if (!path.empty()) path += '/';
    std::string folder = EscapeFolder(name) + "=";
    folder += null ? std::string(kNullFolder) : EscapeFolder(*value->second);
    CutTo(folder_max - 1, folder);
    path += folder;
  }
  return path;
}

Result<std::optional<std::string>> PartitionValue(const Column* column, size_t row) {
  if (column == nullptr || column->IsNull(row)) return std::optional<std::string>();
  switch (column->type.kind()) {
    case TypeKind::kText:
      return std::optional(std::string(column->Bytes(row)));
    case TypeKind::kInt16:
      return std::optional(std::to_string(column->Fixed<int16_t>(row)));
    case TypeKind::kInt32:
      return std::optional(std::to_string(column->Fixed<int32_t>(row)));
    case TypeKind::kInt64:
      return std::optional(std::to_string(column->Fixed<int64_t>(row)));
    case TypeKind::kDate: {
      std::optional<std::string> date = FormatDate(column->Fixed<int32_t>(row));
      if (!date) {
        return SqlErrorf(sqlstate::kDatetimeOverflow,
                         "a partition date is not between 0001-01-01 and 9999-12-31");
      }
      return date;
    }
    default:
      return Internal("a column of type {} cannot be a partition column", column->type.ToString());
  }
}

std::string EncodePath(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (const char c : path) {
    if (IsPlainInUri(c)) {
      out += c;
    } else {
      AppendEscaped(out, static_cast<unsigned char>(c));
    }
  }
  return out;
}

Result<std::string> DecodePath(std::string_view encoded) {
  std::string out;
  out.reserve(encoded.size());
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] != '%') {
      out += encoded[i];
      continue;
    }
    const int high = i + 2 < encoded.size() ? HexDigit(encoded[i + 1]) : -1;
    const int low = i + 2 < encoded.size() ? HexDigit(encoded[i + 2]) : -1;
    if (high < 0 || low < 0) return DataLoss("path has a broken escape: {}", encoded);
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace varve::lake
