#include "io/s3/s3_xml.h"

#include <absl/strings/numbers.h>
#include <absl/time/time.h>

#include <cstring>
#include <pugixml.hpp>
#include <utility>

namespace varve::io {
namespace {

constexpr size_t kExcerptBytes = 200;

// `name`: the element that the whole answer is.
Result<pugi::xml_node> RootOf(pugi::xml_document& document, std::string_view body,
                              const char* name) {
  const pugi::xml_parse_result parsed =
      document.load_buffer(body.data(), body.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!parsed) {
    return Unavailable("answer is no XML ({}): {}", parsed.description(),
                       body.substr(0, kExcerptBytes));
  }
  const pugi::xml_node root = document.document_element();
  if (std::strcmp(root.name(), name) != 0) {
    return Unavailable("answer is a {}, not a {}", root.name(), name);
  }
  return root;
}

S3Error ErrorIn(pugi::xml_node node) {
  return {node.child_value("Code"), node.child_value("Message"), node.child_value("Region")};
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Keys of a listing come URL-encoded, because XML has no form for some bytes.
std::string UrlDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high >= 0 ? HexDigit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Result<ObjectInfo> ObjectIn(pugi::xml_node contents, bool encoded) {
  ObjectInfo object;
  const char* const key = contents.child_value("Key");
  object.name = encoded ? UrlDecode(key) : key;
  if (object.name.empty()) return Unavailable("listing has an object without a key");
  if (!absl::SimpleAtoi(contents.child_value("Size"), &object.bytes)) {
    return Unavailable("listing has no size of {}: \"{}\"", object.name,
                       contents.child_value("Size"));
  }
  VARVE_ASSIGN_OR_RETURN(object.modified_us, ReadIsoTime(contents.child_value("LastModified")));
  return object;
}

std::string ToText(const pugi::xml_document& document) {
  struct Writer : pugi::xml_writer {
    std::string text;
    void write(const void* data, size_t size) override {
      text.append(static_cast<const char*>(data), size);
    }
  } writer;
  document.save(writer, "", pugi::format_raw | pugi::format_no_declaration, pugi::encoding_utf8);
  return std::move(writer.text);
}

void AddText(pugi::xml_node parent, const char* name, const std::string& text) {
  parent.append_child(name).text().set(text.c_str());
}

constexpr const char* kNamespace = "http://s3.amazonaws.com/doc/2006-03-01/";

}  // namespace

S3Error ReadS3Error(std::string_view body) {
  pugi::xml_document document;
  const Result<pugi::xml_node> root = RootOf(document, body, "Error");
  return root.ok() ? ErrorIn(*root) : S3Error();
}

Result<S3Listing> ReadListing(std::string_view body) {
  pugi::xml_document document;
  VARVE_ASSIGN_OR_RETURN(const pugi::xml_node root, RootOf(document, body, "ListBucketResult"));
  const bool encoded = std::strcmp(root.child_value("EncodingType"), "url") == 0;
  S3Listing listing;
  for (const pugi::xml_node contents : root.children("Contents")) {
    VARVE_ASSIGN_OR_RETURN(ObjectInfo object, ObjectIn(contents, encoded));
    listing.objects.push_back(std::move(object));
  }
  for (const pugi::xml_node common : root.children("CommonPrefixes")) {
    const char* const folder = common.child_value("Prefix");
    listing.folders.push_back(encoded ? UrlDecode(folder) : folder);
  }
  if (std::strcmp(root.child_value("IsTruncated"), "true") == 0) {
    listing.continuation = root.child_value("NextContinuationToken");
    if (listing.continuation.empty()) return Unavailable("listing goes on and does not say where");
  }
  return listing;
}

Result<std::string> ReadUploadId(std::string_view body) {
  pugi::xml_document document;
  VARVE_ASSIGN_OR_RETURN(const pugi::xml_node root,
                         RootOf(document, body, "InitiateMultipartUploadResult"));
  std::string id = root.child_value("UploadId");
  if (id.empty()) return Unavailable("answer has no UploadId");
  return id;
}

Result<std::vector<S3DeleteFailure>> ReadDeleteFailures(std::string_view body) {
  pugi::xml_document document;
  VARVE_ASSIGN_OR_RETURN(const pugi::xml_node root, RootOf(document, body, "DeleteResult"));
  std::vector<S3DeleteFailure> failures;
  for (const pugi::xml_node error : root.children("Error")) {
    failures.push_back({error.child_value("Key"), ErrorIn(error)});
  }
  return failures;
}

std::string CompleteUploadBody(std::span<const std::string> etags) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUpload");
  root.append_attribute("xmlns").set_value(kNamespace);
  int number = 0;
  for (const std::string& etag : etags) {
    pugi::xml_node part = root.append_child("Part");
    AddText(part, "PartNumber", std::to_string(++number));
    AddText(part, "ETag", etag);
  }
  return ToText(document);
}

std::string DeleteBody(std::span<const std::string> keys) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("Delete");
  root.append_attribute("xmlns").set_value(kNamespace);
  AddText(root, "Quiet", "true");
  for (const std::string& key : keys) AddText(root.append_child("Object"), "Key", key);
  return ToText(document);
}

Result<int64_t> ReadIsoTime(std::string_view text) {
  absl::Time time;
  std::string reason;
  if (!absl::ParseTime(absl::RFC3339_full, {text.data(), text.size()}, &time, &reason)) {
    return Unavailable("not a time: \"{}\" ({})", text, reason);
  }
  return absl::ToUnixMicros(time);
}

Result<int64_t> ReadHttpTime(std::string_view text) {
  absl::Time time;
  std::string reason;
  if (!absl::ParseTime("%a, %d %b %E4Y %H:%M:%S GMT", {text.data(), text.size()}, &time, &reason)) {
    return Unavailable("not a time: \"{}\" ({})", text, reason);
  }
  return absl::ToUnixMicros(time);
}

}  // namespace varve::io
