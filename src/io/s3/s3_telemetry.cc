#include "io/s3/s3_telemetry.h"

#include <fmt/format.h>

namespace varve::io {

std::string_view NameOf(S3Operation operation) {
  switch (operation) {
    case S3Operation::kGet:
      return "get";
    case S3Operation::kHead:
      return "head";
    case S3Operation::kPut:
      return "put";
    case S3Operation::kPutIfAbsent:
      return "put_if_absent";
    case S3Operation::kUploadPart:
      return "upload_part";
    case S3Operation::kUploadControl:
      return "upload_control";
    case S3Operation::kList:
      return "list";
    case S3Operation::kDelete:
      return "delete";
  }
  return "";
}

S3Telemetry::S3Telemetry() {
  Telemetry& telemetry = Telemetry::Get();
  for (size_t i = 0; i < kS3Operations; ++i) {
    const std::string labels = fmt::format("kind=\"{}\"", NameOf(static_cast<S3Operation>(i)));
    counters_[i] = {
        &telemetry.GetCounter("varve_s3_requests_total",
                              "Requests sent to object stores, retries included.", labels),
        &telemetry.GetCounter("varve_s3_retries_total",
                              "Requests to object stores that were sent again.", labels),
        &telemetry.GetCounter("varve_s3_errors_total",
                              "Operations on object stores that failed or were refused.", labels),
        &telemetry.GetCounter("varve_s3_request_microseconds_total",
                              "Time that requests to object stores took.", labels),
    };
  }
  sent_bytes_ =
      &telemetry.GetCounter("varve_s3_sent_bytes_total", "Bytes of bodies sent to object stores.");
  received_bytes_ = &telemetry.GetCounter("varve_s3_received_bytes_total",
                                          "Bytes of bodies received from object stores.");
}

}  // namespace varve::io
