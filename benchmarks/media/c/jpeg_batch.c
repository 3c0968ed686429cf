/*
 * What a C programmer would write on libjpeg-turbo: JPEG files to batches of 32 RGB images of one size.
 *   jpeg_batch FOLDER THREADS WIDTH HEIGHT CHW|HWC
 * Each thread takes whole batches. Decoding is DCT-scaled: by the smallest of 1/1, 1/2, 1/4, 1/8 that is not smaller than the result;
 * the rest is a separable triangle filter over an area, in fixed point, as Pillow's BILINEAR. Prints one line of JSON.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jpeglib.h>

enum { BATCH = 32, PRECISION = 14 };

/* For each place of the result: the first source place, how many, and their weights. */
typedef struct {
  int from, to, taps;
  int *first, *count;
  int16_t *weights;
} Filter;

static Filter make_filter(int from, int to) {
  double scale = (double)from / to, support = scale < 1 ? 1 : scale;
  int taps = (int)(2 * support) + 3;
  Filter f = {from, to, taps, malloc(to * sizeof(int)), malloc(to * sizeof(int)), calloc((size_t)to * taps, sizeof(int16_t))};
  double *w = malloc(taps * sizeof(double));
  for (int i = 0; i < to; i++) {
    double center = (i + 0.5) * scale, sum = 0;
    int lo = (int)(center - support + 0.5), hi = (int)(center + support + 0.5);
    if (lo < 0) lo = 0;
    if (hi > from) hi = from;
    for (int k = lo; k < hi; k++) {
      double x = (k + 0.5 - center) / support;
      w[k - lo] = x < 0 ? 1 + x : 1 - x;
      if (w[k - lo] < 0) w[k - lo] = 0;
      sum += w[k - lo];
    }
    int left = 1 << PRECISION;
    for (int k = lo; k < hi; k++) {
      int v = k == hi - 1 ? left : (int)(w[k - lo] / sum * (1 << PRECISION) + 0.5);
      f.weights[(size_t)i * taps + k - lo] = (int16_t)v;
      left -= v;
    }
    f.first[i] = lo;
    f.count[i] = hi - lo;
  }
  free(w);
  return f;
}

static void free_filter(Filter *f) {
  free(f->first);
  free(f->count);
  free(f->weights);
}

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf jump;
} Trouble;

static void on_error(j_common_ptr info) { longjmp(((Trouble *)info->err)->jump, 1); }
static void on_message(j_common_ptr info) { (void)info; }

typedef struct {
  struct jpeg_decompress_struct jpeg;
  Trouble trouble;
  uint8_t *file, *pixels, *rows;
  size_t file_room, pixels_room, rows_room;
  int32_t *sums;
  Filter across, down;
} Lane;

static void *room(void *memory, size_t *has, size_t wanted) {
  if (*has >= wanted) return memory;
  *has = wanted;
  return realloc(memory, wanted);
}

static size_t read_whole(Lane *lane, const char *path) {
  int fd = open(path, O_RDONLY);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0) return 0;
  lane->file = room(lane->file, &lane->file_room, st.st_size);
  ssize_t got = read(fd, lane->file, st.st_size);
  close(fd);
  return got < 0 ? 0 : (size_t)got;
}

static Filter *filter_for(Filter *kept, int from, int to) {
  if (kept->from != from || kept->to != to) {
    if (kept->first) free_filter(kept);
    *kept = make_filter(from, to);
  }
  return kept;
}

/* Vertically first, into `rows` (width of the source), then horizontally: sums over whole rows are what compilers vectorise best. */
static void resize(Lane *lane, int w, int h, int W, int H, int planar, uint8_t *out) {
  Filter *down = filter_for(&lane->down, h, H), *across = filter_for(&lane->across, w, W);
  int stride = w * 3;
  for (int y = 0; y < H; y++) {
    int32_t *restrict sums = lane->sums;
    const int16_t *weights = down->weights + (size_t)y * down->taps;
    for (int x = 0; x < stride; x++) sums[x] = 1 << (PRECISION - 1);
    for (int k = 0; k < down->count[y]; k++) {
      const uint8_t *restrict row = lane->pixels + (size_t)(down->first[y] + k) * stride;
      int weight = weights[k];
      for (int x = 0; x < stride; x++) sums[x] += row[x] * weight;
    }
    uint8_t *restrict line = lane->rows;
    for (int x = 0; x < stride; x++) line[x] = (uint8_t)(sums[x] >> PRECISION);
    for (int x = 0; x < W; x++) {
      const uint8_t *from = line + across->first[x] * 3;
      const int16_t *weight = across->weights + (size_t)x * across->taps;
      int r = 1 << (PRECISION - 1), g = r, b = r;
      for (int k = 0; k < across->count[x]; k++) {
        r += from[3 * k] * weight[k];
        g += from[3 * k + 1] * weight[k];
        b += from[3 * k + 2] * weight[k];
      }
      uint8_t *to = planar ? out + y * W + x : out + (y * W + x) * 3;
      size_t step = planar ? (size_t)W * H : 1;
      to[0] = (uint8_t)(r >> PRECISION);
      to[step] = (uint8_t)(g >> PRECISION);
      to[2 * step] = (uint8_t)(b >> PRECISION);
    }
  }
}

static int load(Lane *lane, const char *path, int W, int H, int planar, uint8_t *out) {
  size_t size = read_whole(lane, path);
  struct jpeg_decompress_struct *jpeg = &lane->jpeg;
  if (size == 0 || setjmp(lane->trouble.jump)) {
    jpeg_abort_decompress(jpeg);
    return 0;
  }
  jpeg_mem_src(jpeg, lane->file, size);
  jpeg_read_header(jpeg, TRUE);
  jpeg->out_color_space = JCS_RGB;
  int part = 1;
  while (part < 8 && (int)jpeg->image_width / (2 * part) >= W && (int)jpeg->image_height / (2 * part) >= H) part *= 2;
  jpeg->scale_num = 1;
  jpeg->scale_denom = part;
  jpeg_start_decompress(jpeg);
  int w = jpeg->output_width, h = jpeg->output_height;
  lane->pixels = room(lane->pixels, &lane->pixels_room, (size_t)w * h * 3);
  if (lane->rows_room < (size_t)w * 3) {
    lane->rows = room(lane->rows, &lane->rows_room, (size_t)w * 3);
    lane->sums = realloc(lane->sums, (size_t)w * 3 * sizeof(int32_t));
  }
  while (jpeg->output_scanline < jpeg->output_height) {
    JSAMPROW row = lane->pixels + (size_t)jpeg->output_scanline * w * 3;
    jpeg_read_scanlines(jpeg, &row, 1);
  }
  jpeg_finish_decompress(jpeg);
  resize(lane, w, h, W, H, planar, out);
  return 1;
}

static char **paths;
static int path_count, limit, width, height, planar;
static atomic_int next_batch, loaded;

static void *work(void *unused) {
  (void)unused;
  Lane lane = {0};
  lane.jpeg.err = jpeg_std_error(&lane.trouble.base);
  lane.trouble.base.error_exit = on_error;
  lane.trouble.base.output_message = on_message;
  jpeg_create_decompress(&lane.jpeg);
  size_t size = (size_t)width * height * 3;
  for (;;) {
    int from = BATCH * atomic_fetch_add(&next_batch, 1);
    if (from >= limit) break;
    uint8_t *batch = malloc(size * BATCH);
    for (int i = 0; i < BATCH && from + i < limit; i++)
      atomic_fetch_add(&loaded, load(&lane, paths[from + i], width, height, planar, batch + i * size));
    free(batch);
  }
  jpeg_destroy_decompress(&lane.jpeg);
  return NULL;
}

static double seconds_of(struct timeval t) { return t.tv_sec + t.tv_usec / 1e6; }

static void run(int count, int threads) {
  pthread_t ids[64];
  limit = count;
  atomic_store(&next_batch, 0);
  atomic_store(&loaded, 0);
  for (int i = 0; i < threads; i++) pthread_create(&ids[i], NULL, work, NULL);
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

/* Not ru_maxrss, which also counts what this process was forked from. */
static double peak_mb(void) {
  FILE *status = fopen("/proc/self/status", "r");
  char line[256];
  long kb = 0;
  while (status && fgets(line, sizeof line, status))
    if (sscanf(line, "VmHWM: %ld", &kb) == 1) break;
  if (status) fclose(status);
  return kb / 1024.0;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  int threads = atoi(argv[2]);
  if (threads < 1 || threads > 64) return 2;
  width = atoi(argv[3]);
  height = atoi(argv[4]);
  planar = strcmp(argv[5], "CHW") == 0;
  DIR *dir = opendir(argv[1]);
  if (!dir) return 1;
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_name[0] == '.') continue;
    paths = realloc(paths, (path_count + 1) * sizeof(char *));
    if (asprintf(&paths[path_count++], "%s/%s", argv[1], entry->d_name) < 0) return 1;
  }
  closedir(dir);
  qsort(paths, path_count, sizeof(char *), by_name);
  run(path_count < 128 ? path_count : 128, threads);
  struct rusage before, after;
  struct timespec start, end;
  getrusage(RUSAGE_SELF, &before);
  clock_gettime(CLOCK_MONOTONIC, &start);
  run(path_count, threads);
  clock_gettime(CLOCK_MONOTONIC, &end);
  getrusage(RUSAGE_SELF, &after);
  double cpu = seconds_of(after.ru_utime) + seconds_of(after.ru_stime) - seconds_of(before.ru_utime) - seconds_of(before.ru_stime);
  printf("{\"images\":%d,\"seconds\":%f,\"cpuSeconds\":%f,\"rssMb\":%f}\n", atomic_load(&loaded),
         end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9, cpu, peak_mb());
  return 0;
}
