import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.AbstractMap.SimpleEntry;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** ContentServer from a shell. Credentials come from the environment alone; exit code 1 says that it failed. */
public final class ContentServerShell {
    private static final String USAGE = String.join("\n",
            "put <collection> <key> <file> [media type]     store a file in one request",
            "stage <collection> <key> <file> [media type]   send it, print the upload's URL",
            "announce <collection> <key> <file> [type]      print the upload's URL, send nothing yet",
            "resume <upload URL> <file>                     send what is missing",
            "commit <upload URL>                            make it the latest version",
            "get <collection> <key> <file, or - >           read the latest version, digest verified",
            "sign <method> <collection> <key> [seconds] [end user]",
            "sign-upload <upload URL> [seconds] [end user]  a URL that can do nothing but send its bytes",
            "vectors <folder>                               check signing against url-*.json",
            "Environment: CONTENTSERVER_URL, CONTENTSERVER_API_KEY; to sign CONTENTSERVER_URL_KEY_ID and",
            "CONTENTSERVER_URL_KEY (base64, as `manage.py url_key issue` prints it)");
    private static final Pattern FIELD = Pattern.compile("\"(\\w+)\":\\s*\"((?:[^\"\\\\]|\\\\.)*)\"");

    private ContentServerShell() {}

    public static void main(String[] words) {
        try {
            if (!run(words)) {
                System.err.println(USAGE);
                System.exit(2);
            }
        } catch (IOException | IllegalArgumentException | IllegalStateException error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
    }

    private static boolean run(String[] words) throws IOException {
        String act = words.length == 0 ? "" : words[0];
        if (act.equals("vectors") && words.length == 2) {
            checkVectors(Paths.get(words[1]));
        } else if (List.of("put", "stage", "announce").contains(act) && (words.length == 4 || words.length == 5)) {
            upload(act, words[1], words[2], Paths.get(words[3]), words.length == 5 ? words[4] : "");
        } else if (act.equals("resume") && words.length == 3) {
            server().resume(words[1], Paths.get(words[2]));
        } else if (act.equals("commit") && words.length == 2) {
            print(server().commit(words[1]));
        } else if (act.equals("get") && words.length == 4) {
            get(words[1], words[2], words[3]);
        } else if (act.equals("sign") && words.length >= 4 && words.length <= 6) {
            System.out.println(signer().sign(
                    words[1], words[2], words[3], lifetime(words, 4), endUser(words, 5), null));
        } else if (act.equals("sign-upload") && words.length >= 2 && words.length <= 4) {
            System.out.println(signer().signUpload(words[1], lifetime(words, 2), endUser(words, 3)));
        } else {
            return false;
        }
        return true;
    }

    private static Duration lifetime(String[] words, int place) {
        return Duration.ofSeconds(words.length > place ? Long.parseLong(words[place]) : 300);
    }

    private static String endUser(String[] words, int place) {
        return words.length > place ? words[place] : null;
    }

    private static void upload(String act, String collection, String key, Path file, String given) throws IOException {
        String guessed = given.isEmpty() ? Files.probeContentType(file) : given;
        String type = guessed == null ? "application/octet-stream" : guessed;
        if (act.equals("put")) {
            print(server().put(collection, key, file, type));
        } else if (act.equals("stage")) {
            System.out.println(server().stage(collection, key, file, type));
        } else {
            System.out.println(server().announce(collection, key, file, type));
        }
    }

    private static void get(String collection, String key, String target) throws IOException {
        if (target.equals("-")) {
            server().stream(collection, key, System.out);
            System.out.flush();
            return;
        }
        Path file = Paths.get(target).toAbsolutePath();
        Path part = Files.createTempFile(file.getParent(), ".", ".part"); // a damaged file never has the name
        try {
            try (OutputStream out = Files.newOutputStream(part)) {
                server().stream(collection, key, out);
            }
            Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private static void print(ContentServer.Stored stored) {
        System.out.println(stored.version + " " + stored.etag + (stored.created ? "" : " (was there already)"));
    }

    private static ContentServer server() {
        return new ContentServer(needed("CONTENTSERVER_URL"), needed("CONTENTSERVER_API_KEY"), null, null);
    }

    private static ContentServer signer() {
        byte[] key = Base64.getDecoder().decode(needed("CONTENTSERVER_URL_KEY"));
        return new ContentServer(needed("CONTENTSERVER_URL"), null, needed("CONTENTSERVER_URL_KEY_ID"), key);
    }

    private static String needed(String name) {
        String value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalArgumentException("set " + name + " in the environment");
        }
        return value;
    }

    // ---- The signing vectors of docs/vectors

    private static void checkVectors(Path folder) throws IOException {
        List<Path> files;
        try (Stream<Path> found = Files.list(folder)) {
            files = found.filter(file -> file.getFileName().toString().matches("url-.*\\.json")).sorted()
                    .collect(Collectors.toList());
        }
        int failed = 0;
        for (Path file : files) {
            boolean passes = passes(file);
            failed += passes ? 0 : 1;
            System.out.println((passes ? "pass " : "fail ") + file.getFileName());
        }
        if (files.isEmpty() || failed > 0) {
            throw new IOException(failed + " of " + files.size() + " vectors failed");
        }
    }

    private static boolean passes(Path file) throws IOException {
        Map<String, String> vector = new HashMap<>();
        for (Matcher found = FIELD.matcher(Files.readString(file)); found.find(); ) {
            vector.put(found.group(1), found.group(2));
        }
        boolean valid = isSigned(bytes(vector.get("secret")), vector.get("method"), vector.get("path"),
                vector.get("query"));
        return vector.get("expect").equals(valid ? "valid" : "refused");
    }

    /** Whether a URL has the signature of this request; HEAD may have that of GET or PATCH. Its time is not looked at. */
    private static boolean isSigned(byte[] secret, String method, String rawPath, String query) {
        Map<Boolean, List<Map.Entry<String, String>>> pairs = Stream.of(query.split("&"))
                .map(pair -> pair.split("=", 2))
                .map(pair -> new SimpleEntry<>(decode(pair[0]), decode(pair[1])))
                .collect(Collectors.partitioningBy(pair -> pair.getKey().equals("sig")));
        String given = pairs.get(true).get(0).getValue();
        String parameters = ContentServer.parameters(pairs.get(false).stream());
        return Stream.of(method.equals("HEAD") ? new String[] {"HEAD", "GET", "PATCH"} : new String[] {method})
                .anyMatch(each -> same(given, ContentServer.signature(secret, each, rawPath, parameters)));
    }

    private static boolean same(String one, String other) {
        return MessageDigest.isEqual(one.getBytes(StandardCharsets.UTF_8), other.getBytes(StandardCharsets.UTF_8));
    }

    private static String decode(String text) {
        return java.net.URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    private static byte[] bytes(String hex) {
        byte[] bytes = new byte[hex.length() / 2];
        for (int place = 0; place < bytes.length; place++) {
            bytes[place] = (byte) Integer.parseInt(hex.substring(2 * place, 2 * place + 2), 16);
        }
        return bytes;
    }
}
