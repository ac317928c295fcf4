#ifndef FWD_IO_H
#define FWD_IO_H
#include "fwd/engine.h"

/* A turn of io, for engines that do no other to packets. */
bool io_forward(struct fwd_stream *fs);

/* C only */

#endif
