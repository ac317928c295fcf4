#ifndef EAL_SIGBUS_H
#define EAL_SIGBUS_H
#include "eal/common.h"

/* Memory that a peer gave us can lose its file's pages under us: reading it is then SIGBUS. Inside
 * a guarded range the handler puts zero pages there, sets `*dead` and lets the access go on;
 * outside, the signal does what it always does. */

/* Guard `size` bytes from `start` on, whole pages of `page_size`: a handle >= 0, or -errno. */
int sigbus_guard(uint8_t *start, uint64_t size, uint64_t page_size, uint32_t *dead);

/* End a guard; before the range is unmapped. */
void sigbus_unguard(int handle);

/* C only */

#endif
