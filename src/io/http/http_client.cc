#include "io/http/http_client.h"

#include <absl/strings/ascii.h>
#include <absl/strings/cord.h>
#include <curl/curl.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/interrupt.h"

namespace varve::io {
namespace {

constexpr const char* kNeverSentKey = "varve/http-never-sent";
constexpr long kReceiveBufferBytes = 256 << 10;
constexpr long kSendBufferBytes = 256 << 10;
constexpr uint64_t kErrorBodyBytesMax = 64 << 10;
constexpr long kStallBytesPerSecond = 1024;

void InitCurlOnce() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  VARVE_CHECK(code == CURLE_OK);
}

class HeaderList {
 public:
  HeaderList() = default;
  ~HeaderList() { curl_slist_free_all(list_); }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;

  void Add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_, line.c_str());
    VARVE_CHECK(longer != nullptr);
    list_ = longer;
  }
  curl_slist* get() { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

bool IsSuccess(int status) { return status >= 200 && status < 300; }

// One request while it is under way; libcurl's callbacks get a pointer to it.
struct Exchange {
  const HttpRequest& request;
  StopGate& gate;
  HttpResponse response;
  uint64_t sent = 0;        // bytes of the body
  uint64_t received = 0;    // bytes of the body
  bool head_ended = false;  // libcurl takes a head that was cut off for a whole one
  Status error;             // what made a callback end the request

  uint64_t body_bytes() const {
    const FileRegion& file = request.file;
    return file.file != nullptr ? file.end - file.begin : request.body.size();
  }
};

size_t ReadBody(char* into, size_t size, size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  const HttpRequest& request = exchange.request;
  const size_t wanted = std::min<uint64_t>(size * count, exchange.body_bytes() - exchange.sent);
  if (request.file.file == nullptr) {
    request.body.copy(into, wanted, exchange.sent);
  } else {
    const Result<size_t> read =
        request.file.file->ReadAt(request.file.begin + exchange.sent, {into, wanted});
    if (!read.ok() || *read < wanted) {
      exchange.error = read.ok() ? DataLoss(
                                       "file became shorter while it was sent, wanted {} bytes "
                                       "at {}, got {}",
                                       wanted, request.file.begin + exchange.sent, *read)
                                 : read.status();
      return CURL_READFUNC_ABORT;
    }
  }
  exchange.sent += wanted;
  return wanted;
}

// libcurl rewinds a body when it wants to send the request again by itself.
int RefuseToRewind(void*, curl_off_t, int) { return CURL_SEEKFUNC_FAIL; }

size_t TakeBody(char* from, size_t size, size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  const std::string_view piece(from, size * count);
  const bool success = IsSuccess(exchange.response.status);
  exchange.received += piece.size();
  if (success && exchange.request.on_body) {
    exchange.error = exchange.request.on_body(piece);
    return exchange.error.ok() ? piece.size() : CURL_WRITEFUNC_ERROR;
  }
  // Of an error the beginning will do.
  if (!success && exchange.response.body.size() >= kErrorBodyBytesMax) return piece.size();
  if (success && exchange.received > exchange.request.response_bytes_max) {
    exchange.error =
        ResourceExhausted("answer is longer than {} bytes", exchange.request.response_bytes_max);
    return CURL_WRITEFUNC_ERROR;
  }
  exchange.response.body.append(piece);
  return piece.size();
}

// "HTTP/1.1 200 OK" begins an answer, also after an interim one ("100 Continue").
void BeginAnswer(std::string_view line, HttpResponse& response) {
  response = HttpResponse();
  const size_t space = line.find(' ');
  for (size_t i = space; i != std::string_view::npos && ++i < line.size();) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(line[i])) || response.status > 99) break;
    response.status = response.status * 10 + (line[i] - '0');
  }
}

size_t TakeHeader(char* from, size_t size, size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  HttpResponse& response = exchange.response;
  const std::string_view line(from, size * count);
  exchange.head_ended = line == "\r\n" || line == "\n";
  if (line.starts_with("HTTP/")) {
    BeginAnswer(line, response);
  } else if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
    const auto strip = [](std::string_view text) {
      const absl::string_view stripped = absl::StripAsciiWhitespace({text.data(), text.size()});
      return std::string(stripped.data(), stripped.size());
    };
    HttpHeader header{strip(line.substr(0, colon)), strip(line.substr(colon + 1))};
    absl::AsciiStrToLower(&header.name);
    response.headers.push_back(std::move(header));
  }
  return line.size();
}

int StopWhenAsked(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Exchange*>(context)->gate.stopped() || Interrupted() ? 1 : 0;
}

// "http://127.0.0.1:9000/..." -> "127.0.0.1"; brackets of an IPv6 address stay.
std::string_view HostOf(std::string_view url) {
  const size_t begin = url.find("://");
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = url.substr(begin + 3, url.find('/', begin + 3) - begin - 3);
  if (rest.starts_with('[')) return rest.substr(0, rest.find(']') + 1);
  return rest.substr(0, rest.find(':'));
}

std::string_view AuthorityOf(std::string_view url) {
  const size_t begin = url.find("://");
  if (begin == std::string_view::npos) return url;
  return url.substr(0, url.find_first_of("/?", begin + 3));
}

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host.starts_with("127.") || host == "[::1]";
}

template <typename T>
void Set(CURL* curl, CURLoption option, T value) {
  const CURLcode code = curl_easy_setopt(curl, option, value);
  VARVE_CHECK(code == CURLE_OK);
}

long Milliseconds(std::chrono::milliseconds limit) {
  return static_cast<long>(std::max<int64_t>(limit.count(), 1));
}

void SetMethod(CURL* curl, const HttpRequest& request, uint64_t body_bytes) {
  if (request.method == "HEAD") {
    Set(curl, CURLOPT_NOBODY, 1L);
  } else if (request.method == "PUT") {
    Set(curl, CURLOPT_UPLOAD, 1L);
    Set(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body_bytes));
  } else if (request.method == "POST") {
    Set(curl, CURLOPT_POST, 1L);
    Set(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_bytes));
  } else if (request.method != "GET") {
    Set(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  // An empty body needs no rewinding, so libcurl could repeat such a request on a new connection;
  // it does so only where an old one has died.
  if ((request.method == "PUT" || request.method == "POST") && body_bytes == 0) {
    Set(curl, CURLOPT_FRESH_CONNECT, 1L);
  }
}

void SetLimits(CURL* curl, const HttpLimits& limits) {
  Set(curl, CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(limits.connect));
  Set(curl, CURLOPT_TIMEOUT_MS, Milliseconds(limits.whole));
  Set(curl, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  Set(curl, CURLOPT_LOW_SPEED_TIME, std::max(1L, Milliseconds(limits.stall) / 1000));
}

void SetCallbacks(CURL* curl, Exchange& exchange) {
  Set(curl, CURLOPT_READFUNCTION, ReadBody);
  Set(curl, CURLOPT_READDATA, static_cast<void*>(&exchange));
  Set(curl, CURLOPT_SEEKFUNCTION, RefuseToRewind);
  Set(curl, CURLOPT_WRITEFUNCTION, TakeBody);
  Set(curl, CURLOPT_WRITEDATA, static_cast<void*>(&exchange));
  Set(curl, CURLOPT_HEADERFUNCTION, TakeHeader);
  Set(curl, CURLOPT_HEADERDATA, static_cast<void*>(&exchange));
  Set(curl, CURLOPT_XFERINFOFUNCTION, StopWhenAsked);
  Set(curl, CURLOPT_XFERINFODATA, static_cast<void*>(&exchange));
  Set(curl, CURLOPT_NOPROGRESS, 0L);
}

void SetRequest(CURL* curl, const HttpRequest& request, HeaderList& headers) {
  Set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  Set(curl, CURLOPT_PATH_AS_IS, 1L);  // Signed as it is, so it is sent as it is.
  Set(curl, CURLOPT_FOLLOWLOCATION, 0L);
  Set(curl, CURLOPT_NOSIGNAL, 1L);
  Set(curl, CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
  Set(curl, CURLOPT_UPLOAD_BUFFERSIZE, kSendBufferBytes);
  Set(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  Set(curl, CURLOPT_USERAGENT, "varve");
  if (IsLoopback(HostOf(request.url))) Set(curl, CURLOPT_PROXY, "");
  // Headers that libcurl would add on its own: one asks for a round trip, the others are not true.
  for (const char* unwanted : {"Expect:", "Content-Type:", "Accept:"}) headers.Add(unwanted);
  for (const HttpHeader& header : request.headers) {
    // libcurl's spelling for a header without a value.
    headers.Add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  Set(curl, CURLOPT_HTTPHEADER, headers.get());
}

Status NeverSent(Status error) { return WithNeverSent(std::move(error), true); }

// Whether the request ended before there was a connection for it.
bool NothingWasSent(CURL* curl) {
  curl_off_t ready_us = 0;  // when the connection was made
  const CURLcode known = curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
  return known == CURLE_OK && ready_us == 0;
}

Status ErrorOf(CURL* curl, CURLcode code, const char* reason, const Exchange& exchange) {
  if (!exchange.error.ok()) return exchange.error;
  const std::string_view server = AuthorityOf(exchange.request.url);
  const std::string_view why = *reason != '\0' ? reason : curl_easy_strerror(code);
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      if (!exchange.gate.stopped()) {
        return WithNeverSent(InterruptedStatus(), NothingWasSent(curl));
      }
      return SqlErrorf(sqlstate::kAdminShutdown, "the server is stopping, request to {} given up",
                       server);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return InvalidArgument("not an address of a server: {}: {}", server, why);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return NeverSent(FailedPrecondition("{} cannot prove who it is: {}", server, why));
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
      return NeverSent(Unavailable("cannot reach {}: {}", server, why));
    default:
      break;
  }
  return WithNeverSent(Unavailable("no answer from {}: {}", server, why), NothingWasSent(curl));
}

}  // namespace

struct HttpClient::Handle {
  Handle() : curl(curl_easy_init()) { VARVE_CHECK(curl != nullptr); }
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  CURL* const curl;
};

HttpClient::HttpClient(StopGate& gate, std::string ca_file)
    : gate_(gate), ca_file_(std::move(ca_file)) {
  InitCurlOnce();
}

HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Handle> HttpClient::Take() {
  {
    MutexLock lock(mu_);
    if (!idle_.empty()) {  // The last one used is the one whose connection lives most likely.
      std::unique_ptr<Handle> handle = std::move(idle_.back());
      idle_.pop_back();
      return handle;
    }
  }
  return std::make_unique<Handle>();
}

void HttpClient::GiveBack(std::unique_ptr<Handle> handle) {
  curl_easy_reset(handle->curl);  // Forgets the request, keeps the connections.
  MutexLock lock(mu_);
  if (idle_.size() < kIdleHandlesMax) idle_.push_back(std::move(handle));
}

Result<HttpResponse> HttpClient::Send(const HttpRequest& request) {
  Exchange exchange{request, gate_, {}, 0, 0, false, OkStatus()};
  char reason[CURL_ERROR_SIZE] = "";
  HeaderList headers;
  std::unique_ptr<Handle> handle = Take();
  CURL* const curl = handle->curl;
  SetRequest(curl, request, headers);
  SetMethod(curl, request, exchange.body_bytes());
  SetLimits(curl, request.limits);
  SetCallbacks(curl, exchange);
  if (!ca_file_.empty()) Set(curl, CURLOPT_CAINFO, ca_file_.c_str());
  Set(curl, CURLOPT_URL, request.url.c_str());
  Set(curl, CURLOPT_ERRORBUFFER, static_cast<char*>(reason));
  const CURLcode code = curl_easy_perform(curl);
  Status error = code == CURLE_OK ? OkStatus() : ErrorOf(curl, code, reason, exchange);
  if (code == CURLE_OK) GiveBack(std::move(handle));
  VARVE_RETURN_IF_ERROR(std::move(error));
  if (!exchange.head_ended) {
    return Unavailable("no answer from {}: it ends within its head", AuthorityOf(request.url));
  }
  return std::move(exchange.response);
}

bool WasNeverSent(const Status& error) { return error.GetPayload(kNeverSentKey).has_value(); }

Status WithNeverSent(Status error, bool never_sent) {
  if (never_sent) {
    error.SetPayload(kNeverSentKey, absl::Cord("1"));
  } else {
    error.ErasePayload(kNeverSentKey);
  }
  return error;
}

}  // namespace varve::io
