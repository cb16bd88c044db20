// Writes the head of an HTTP answer, and counts answers.
#pragma once

#include <cstdint>
#include <string>

#include "server/http/http_message.h"

namespace varve::server {

struct AnswerTerms {
  int64_t now_us = 0;  // of the Date
  bool is_http_10 = false;
  bool keep_alive = false;
};

// Up to and with the empty line; the body follows as it is.
std::string HeadOfAnswer(const HttpAnswer& answer, const AnswerTerms& terms);

// In varve_http_answers_total, by class of status.
void CountAnswer(unsigned status);

}  // namespace varve::server
