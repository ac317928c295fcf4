/* What the console asks of single rings. No burst comes by here. */
#include "drivers/vhost/ring.h"

static uint16_t split_nb_waiting(const struct vhost_virtqueue *vq)
{
	uint16_t nb = (uint16_t)(load_acquire(&vq->avail->idx) - load_relaxed(&vq->last_avail));

	return nb > vq->size ? 0 : nb; /* which the next burst finds out */
}

static uint16_t packed_nb_waiting(const struct vhost_virtqueue *vq)
{
	uint16_t place = load_relaxed(&vq->last_avail), nb = 0;
	bool wrap = vq->wrap;

	while (nb < vq->size && packed_is_avail(load_acquire(&vq->packed[place].flags), wrap)) {
		place = packed_forward(vq, place, 1, &wrap);
		nb++;
	}
	return nb;
}

uint16_t vhost_virtqueue_nb_waiting(const struct vhost_virtqueue *vq)
{
	if (!ring_is_live(vq))
		return 0;
	return vq->is_packed ? packed_nb_waiting(vq) : split_nb_waiting(vq);
}
