// SPDX-License-Identifier: Apache-2.0

// What Swift cannot call: libcurl's variadic functions, one function per kind of argument. No
// state, no allocation.

#ifndef CAISSON_CCURL_H
#define CAISSON_CCURL_H

#include <curl/curl.h>

typedef size_t (*caisson_curl_transfer)(char *_Nullable bytes, size_t size, size_t count,
                                        void *_Nullable context);
typedef int (*caisson_curl_seek)(void *_Nullable context, curl_off_t offset, int origin);

static inline CURLcode caisson_curl_set_long(CURL *_Nonnull handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode caisson_curl_set_offset(CURL *_Nonnull handle, CURLoption option,
                                               curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}

/// libcurl copies the string.
static inline CURLcode caisson_curl_set_string(CURL *_Nonnull handle, CURLoption option,
                                               const char *_Nullable value) {
  return curl_easy_setopt(handle, option, value);
}

/// libcurl copies the bytes.
static inline CURLcode caisson_curl_set_blob(CURL *_Nonnull handle, CURLoption option,
                                             const void *_Nullable bytes, size_t count) {
  struct curl_blob blob = {(void *)bytes, count, CURL_BLOB_COPY};
  return curl_easy_setopt(handle, option, &blob);
}

/// The pointee must outlive the transfer.
static inline CURLcode caisson_curl_set_pointer(CURL *_Nonnull handle, CURLoption option,
                                                void *_Nullable value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode caisson_curl_set_transfer(CURL *_Nonnull handle, CURLoption option,
                                                 caisson_curl_transfer _Nonnull callback) {
  return curl_easy_setopt(handle, option, callback);
}

static inline CURLcode caisson_curl_set_seek(CURL *_Nonnull handle,
                                             caisson_curl_seek _Nonnull callback) {
  return curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, callback);
}

static inline CURLcode caisson_curl_get_offset(CURL *_Nonnull handle, CURLINFO info,
                                               curl_off_t *_Nonnull value) {
  return curl_easy_getinfo(handle, info, value);
}

#endif
