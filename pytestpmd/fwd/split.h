#ifndef FWD_SPLIT_H
#define FWD_SPLIT_H
#include "fwd/engine.h"

/* C only */

/* `set txsplit`: a copy of a packet in segments of the lengths that `set txpkts` gave, the last one
 * as long as it takes; the packet itself is freed. Or the packet itself, when there are no mbufs
 * for that, or none long enough. */
struct mbuf *stream_split(struct fwd_stream *fs, struct mbuf *m);

#endif
