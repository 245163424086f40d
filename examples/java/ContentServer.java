import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.Channels;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A client of the content server in one file: JDK 11 and nothing else. It follows docs/http.md.
 *
 * <p>Every call is repeated, with pauses that grow, when the line breaks or the server asks for patience; none can store
 * a file twice. One object serves many threads. ContentServerShell is a command line on it.
 */
public final class ContentServer {
    private static final int TRIES = 8; // without a byte of progress; the pauses add up to about 40 seconds
    private static final Duration ANSWER = Duration.ofSeconds(60);
    private static final long SLOWEST = 64 * 1024; // bytes a second below which we look whether the line still lives
    private static final Pattern WHY = Pattern.compile("\"(?:title|detail)\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"");
    private static final Pattern DIGEST = Pattern.compile("(?:^|,)\\s*sha-256=:([A-Za-z0-9+/=]+):");

    private final String url;
    private final String apiKey;
    private final String urlKeyId;
    private final byte[] urlKey;
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(10)).build();

    /** The signing key and its id may be null where nothing is signed; the API key where nothing else is done. */
    public ContentServer(String url, String apiKey, String urlKeyId, byte[] urlKey) {
        this.url = url.replaceAll("/+$", "");
        this.apiKey = apiKey;
        this.urlKeyId = urlKeyId;
        this.urlKey = urlKey;
    }

    /** What a PUT or a commit stored. `created` is false if the latest version was equal, so that none was made. */
    public static final class Stored {
        public final String version;
        public final String etag;
        public final boolean created;

        Stored(HttpResponse<?> answer) {
            version = header(answer, "X-Version");
            etag = header(answer, "ETag");
            created = answer.statusCode() == 201;
        }
    }

    /** The server refused; the message is the problem's title and detail. */
    public static final class Problem extends IOException {
        private static final long serialVersionUID = 1;
        public final int status;

        Problem(int status, String detail) {
            super(status + " " + detail);
            this.status = status;
        }

        boolean mayPass() {
            return status == 408 || status == 423 || status == 429 || status >= 500 && status != 507;
        }
    }

    // ---- Writing, in one stage and in two

    /** Both stages in one request. */
    public Stored put(String collection, String key, Path file, String mediaType) throws IOException {
        HttpRequest request = request(path(collection, key))
                .timeout(patience(Files.size(file)))
                .header("Content-Type", mediaType)
                .header("Content-Disposition", "attachment; filename*=UTF-8''" + encode(file.getFileName().toString()))
                .header("Repr-Digest", "sha-256=:" + base64(sha256(file)) + ":")
                .PUT(BodyPublishers.ofFile(file)).build();
        return again(() -> new Stored(send(request)));
    }

    /** Stage one. Returns the upload's URL, for `commit`. Nobody can read the file before. */
    public String stage(String collection, String key, Path file, String mediaType) throws IOException {
        String upload = announce(collection, key, file, mediaType);
        resume(upload, file);
        return upload;
    }

    /** Announce a file and send no byte yet. Returns the upload's URL: kept, it lets another run `resume`. */
    public String announce(String collection, String key, Path file, String mediaType) throws IOException {
        String metadata = Stream.of("collection " + base64(collection), "key " + base64(key),
                "media_type " + base64(mediaType), "filename " + base64(file.getFileName().toString()),
                "sha256 " + base64(hex(sha256(file)))).collect(Collectors.joining(","));
        HttpRequest request = tus("/v1/uploads").header("Upload-Length", Long.toString(Files.size(file)))
                .header("Upload-Metadata", metadata).POST(BodyPublishers.noBody()).build();
        return url + pathOf(header(again(() -> send(request)), "Location"));
    }

    /** Send what the server does not have yet, as often as the line breaks. */
    public void resume(String upload, Path file) throws IOException {
        long size = Files.size(file);
        long offset = again(() -> offsetOf(upload));
        for (int tries = 1; offset < size; tries++) {
            long before = offset;
            try {
                offset = append(upload, file, offset, size);
            } catch (IOException error) {
                boolean elsewhere = error instanceof Problem && ((Problem) error).status == 409;
                pauseOrGiveUp(error, tries, elsewhere); // another request sent more than we know of
                offset = again(() -> offsetOf(upload));
                tries = offset > before ? 0 : tries;
            }
        }
    }

    /** Stage two: from now on it is the latest version. A repetition gets the same answer. */
    public Stored commit(String upload) throws IOException {
        HttpRequest request = request(pathOf(upload) + "/commit").timeout(ANSWER.multipliedBy(10))
                .POST(BodyPublishers.noBody()).build();
        return again(() -> new Stored(send(request)));
    }

    private long offsetOf(String upload) throws IOException {
        HttpRequest request = tus(pathOf(upload)).method("HEAD", BodyPublishers.noBody()).build();
        return Long.parseLong(header(send(request), "Upload-Offset"));
    }

    private long append(String upload, Path file, long offset, long size) throws IOException {
        try (SeekableByteChannel rest = Files.newByteChannel(file).position(offset)) {
            HttpRequest request = tus(pathOf(upload)).timeout(patience(size - offset))
                    .header("Content-Type", "application/offset+octet-stream")
                    .header("Upload-Offset", Long.toString(offset))
                    .method("PATCH", BodyPublishers.fromPublisher(
                            BodyPublishers.ofInputStream(() -> Channels.newInputStream(rest)), size - offset))
                    .build();
            return Long.parseLong(header(send(request), "Upload-Offset"));
        }
    }

    // ---- Reading

    /**
     * Write the latest version to `out`, going on where a broken line left off. Returns its length in bytes.
     *
     * <p>Keep what was written only if this returns: at the end it throws a Problem if the bytes do not have the digest
     * that the server names.
     */
    public long stream(String collection, String key, OutputStream out) throws IOException {
        Reading reading = new Reading(out);
        for (int tries = 1; ; tries++) {
            long before = reading.done;
            try {
                read(path(collection, key), reading);
                break;
            } catch (IOException error) {
                boolean final_ = reading.writing || reading.done > 0 && reading.etag == null;
                tries = reading.done > before ? 1 : tries;
                pauseOrGiveUp(error, final_ ? TRIES : tries, false);
            }
        }
        if (reading.expected != null && !reading.expected.equals(base64(reading.digest.digest()))) {
            throw new Problem(422, "the bytes received do not have their digest");
        }
        return reading.done;
    }

    private static final class Reading {
        final MessageDigest digest = newSha256();
        final OutputStream out;
        long done;
        boolean writing; // an error then is of `out`, and no repetition helps
        String etag;
        String expected;

        Reading(OutputStream out) {
            this.out = out;
        }

        void copy(InputStream body) throws IOException {
            byte[] buffer = new byte[64 * 1024];
            for (int count; (count = body.read(buffer)) >= 0; ) {
                writing = true;
                out.write(buffer, 0, count);
                writing = false;
                digest.update(buffer, 0, count);
                done += count;
            }
        }
    }

    private void read(String path, Reading reading) throws IOException {
        HttpRequest.Builder request = request(path);
        if (reading.done > 0) { // only the rest, and only of the same version
            request.header("Range", "bytes=" + reading.done + "-").header("If-Match", reading.etag);
        }
        HttpResponse<InputStream> answer = exchange(request.build(), BodyHandlers.ofInputStream());
        try (InputStream body = answer.body()) {
            if (reading.done > 0 && answer.statusCode() == 416) {
                return; // the line broke after the last byte
            }
            if (answer.statusCode() != (reading.done > 0 ? 206 : 200)) {
                throw problem(answer, new String(body.readNBytes(65536), StandardCharsets.UTF_8));
            }
            reading.etag = answer.headers().firstValue("ETag").orElse(null);
            reading.expected = digestIn(answer);
            reading.copy(body);
        }
    }

    // ---- Signing

    /**
     * A URL that lets whoever has it use one address until `lifetime` is over. The server is not asked.
     *
     * @param endUser the person it is made for, or null
     * @param disposition "inline", "attachment" or null
     */
    public String sign(String method, String collection, String key, Duration lifetime, String endUser,
            String disposition) {
        return signed(method, path(collection, key), lifetime, endUser, disposition);
    }

    /** A URL with which a browser can send the bytes of one upload and ask where it stands, and do nothing else. */
    public String signUpload(String upload, Duration lifetime, String endUser) {
        return signed("PATCH", pathOf(upload), lifetime, endUser, null);
    }

    private String signed(String method, String path, Duration lifetime, String endUser, String disposition) {
        Map<String, String> wanted = new TreeMap<>();
        wanted.put("expires", Long.toString(System.currentTimeMillis() / 1000 + lifetime.getSeconds()));
        wanted.put("kid", urlKeyId);
        wanted.put("sub", endUser);
        wanted.put("disposition", disposition);
        wanted.values().removeIf(value -> value == null);
        String parameters = parameters(wanted.entrySet().stream());
        return url + path + "?" + parameters + "&sig=" + signature(urlKey, method, path, parameters);
    }

    /** Names and values as they are signed: encoded, sorted by bytes, joined. `sig` is not among them. */
    public static String parameters(Stream<Map.Entry<String, String>> pairs) {
        return pairs.map(pair -> encode(pair.getKey()) + "=" + encode(pair.getValue()))
                .sorted().collect(Collectors.joining("&"));
    }

    /** Hex HMAC-SHA256 of METHOD LF raw path LF parameters. */
    public static String signature(byte[] secret, String method, String rawPath, String parameters) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            return hex(mac.doFinal((method + "\n" + rawPath + "\n" + parameters).getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }

    // ---- HTTP

    private interface Attempt<T> {
        T run() throws IOException;
    }

    private static <T> T again(Attempt<T> attempt) throws IOException {
        for (int tries = 1; ; tries++) {
            try {
                return attempt.run();
            } catch (IOException error) {
                pauseOrGiveUp(error, tries, false);
            }
        }
    }

    private static void pauseOrGiveUp(IOException error, int tries, boolean mayPass) throws IOException {
        boolean refused = error instanceof Problem && !((Problem) error).mayPass();
        if (tries >= TRIES || refused && !mayPass) {
            throw error;
        }
        try {
            Thread.sleep((long) (Math.min(10_000, 200L << tries) * (0.5 + Math.random() / 2)));
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            throw error;
        }
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + path)).timeout(ANSWER);
        return apiKey == null ? request : request.header("Authorization", "Bearer " + apiKey);
    }

    private HttpRequest.Builder tus(String path) {
        return request(path).header("Tus-Resumable", "1.0.0");
    }

    private HttpResponse<String> send(HttpRequest request) throws IOException {
        HttpResponse<String> answer = exchange(request, BodyHandlers.ofString());
        if (answer.statusCode() >= 300) {
            throw problem(answer, answer.body());
        }
        return answer;
    }

    private <T> HttpResponse<T> exchange(HttpRequest request, HttpResponse.BodyHandler<T> body) throws IOException {
        try {
            return http.send(request, body);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", error);
        }
    }

    private static Problem problem(HttpResponse<?> answer, String body) {
        Matcher found = WHY.matcher(body == null ? "" : body);
        String why = "";
        while (found.find()) {
            why += (why.isEmpty() ? "" : ": ") + found.group(1);
        }
        return new Problem(answer.statusCode(), why);
    }

    private static String header(HttpResponse<?> answer, String name) {
        return answer.headers().firstValue(name).orElseThrow(() -> new IllegalStateException(
                answer.statusCode() + " without " + name + ": is this a content server?"));
    }

    private static String digestIn(HttpResponse<?> answer) {
        Matcher found = DIGEST.matcher(answer.headers().firstValue("Repr-Digest").orElse(""));
        return found.find() ? found.group(1) : null; // a long file that is passed on from a legacy database has none
    }

    private static Duration patience(long bytes) {
        return ANSWER.plusSeconds(bytes / SLOWEST);
    }

    private static String path(String collection, String key) {
        return "/v1/content/" + encode(collection) + "/"
                + Stream.of(key.split("/", -1)).map(ContentServer::encode).collect(Collectors.joining("/"));
    }

    private static String pathOf(String upload) { // the API key goes to our server alone, whatever host is named
        return URI.create(upload).getRawPath();
    }

    // ---- Texts and digests

    /** RFC 3986: everything but letters, digits, `-`, `.`, `_` and `~` as %XX of its UTF-8. */
    static String encode(String text) {
        StringBuilder encoded = new StringBuilder();
        for (byte one : text.getBytes(StandardCharsets.UTF_8)) {
            boolean kept = one >= '0' && one <= '9' || one >= 'A' && one <= 'Z' || one >= 'a' && one <= 'z'
                    || one == '-' || one == '.' || one == '_' || one == '~';
            encoded.append(kept ? String.valueOf((char) one) : String.format("%%%02X", one));
        }
        return encoded.toString();
    }

    private static String hex(byte[] digest) {
        return String.format("%064x", new BigInteger(1, digest));
    }

    private static String base64(String text) {
        return base64(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }

    private static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error); // every JDK has it
        }
    }

    private static byte[] sha256(Path file) throws IOException {
        Reading reading = new Reading(OutputStream.nullOutputStream());
        try (InputStream stream = Files.newInputStream(file)) {
            reading.copy(stream);
        }
        return reading.digest.digest();
    }
}
