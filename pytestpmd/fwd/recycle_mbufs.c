/* recycle_mbufs: in the original, a transmit queue hands the mbufs that it has sent straight to the
 * receive queue, on ports whose drivers can. None of ours does, and none would gain by it: a pool's
 * stack for each lcore is the same short way already (mempool.c). On such ports the original says
 * so for each stream, which fwd/recycle_mbufs.py does here, and forwards as io does. */
#include "fwd/io.h"

FWD_ENGINE("recycle_mbufs", io_forward, "io, with a shorter way for mbufs where ports have one",
        .can_retry = true, .receives = true, .transmits = true);
