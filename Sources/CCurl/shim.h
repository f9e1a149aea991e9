// SPDX-License-Identifier: Apache-2.0

#ifndef CAISSON_CCURL_H
#define CAISSON_CCURL_H

#include <curl/curl.h>

#endif
