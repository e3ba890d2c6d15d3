// A command centre in small: takes the events of every box, loses none, counts none twice, and answers.
//
//     apt-get install default-jdk-headless libmqtt-client-java libgoogle-gson-java libzstd-jni-java
//     MQTT_PASSWORD=… java -cp "/usr/share/java/*" Subscriber.java mqtts://user@centre.example:8883 centre-1 events.journal
//
// From Maven: org.fusesource.mqtt-client:mqtt-client:1.16, com.google.code.gson:gson:2.10 and com.github.luben:zstd-jni:1.5.2-5.
// Java 11 or later.
// `centre-1` is the MQTT client id under which the broker keeps what comes while this program is away; `events.journal`
// is what the program remembers. With `--batches` behind it, each box that tells something is told that it may send a
// backlog in batches: only where every program of the centre reads them. Standard output has one line an event, standard error what is to be known besides.
//
// What a centre has to do is all here:
// * a persistent session and QoS 1: the broker keeps events until they have been acknowledged, and each is acknowledged
//   only when it is in the journal. A real centre writes it into its database instead.
// * `source` and `id` together name an event; what comes twice is dropped.
// * `sequence` counts the events of one source. Alarms overtake other events, so a missing number may come late; what the
//   box had to give up it declares with an event of code OUTBOX_GAP. What is neither late nor declared has been lost on
//   the way, or went to a topic that this subscription does not have.
// * a batch is a compressed array of events, each of which counts on its own.
// * a disposition answers each incident that opens: here at once and always `accepted`, where a person would decide.

import com.github.luben.zstd.ZstdInputStream;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.fusesource.mqtt.client.BlockingConnection;
import org.fusesource.mqtt.client.MQTT;
import org.fusesource.mqtt.client.Message;
import org.fusesource.mqtt.client.QoS;
import org.fusesource.mqtt.client.Topic;

import static java.nio.charset.StandardCharsets.UTF_8;

public final class Subscriber {
    private static final String[] TOPICS = {"moshao/v1/+/+/event/#", "moshao/v1/+/+/batch"};
    /** Bytes of JSON. No box sends as much. */
    private static final int LARGEST_BATCH = 16 << 20;
    /** Ids that are remembered of each source. A box repeats what was under way when its link broke. */
    private static final int REMEMBERED = 1000;
    /** Lines by which the journal grows before it is written anew, with what is remembered alone. */
    private static final int GROWTH = 10_000;
    private static final Gson GSON = new Gson();
    private static final PrintStream OUT = new PrintStream(System.out, true, UTF_8);
    private static final PrintStream NOTES = new PrintStream(System.err, true, UTF_8);

    public static void main(String[] arguments) throws Exception {
        boolean batches = arguments.length == 4 && arguments[3].equals("--batches");
        if (arguments.length != 3 && !batches) {
            NOTES.println("usage: Subscriber mqtt[s]://[USER@]HOST[:PORT] CLIENT-ID JOURNAL [--batches]");
            System.exit(2);
        }
        URI url = new URI(arguments[0]);
        boolean encrypted = url.getScheme().equals("mqtts");
        int port = url.getPort() > 0 ? url.getPort() : encrypted ? 8883 : 1883;
        Journal journal = new Journal(Path.of(arguments[2]));

        MQTT mqtt = new MQTT();
        mqtt.setHost((encrypted ? "ssl://" : "tcp://") + url.getHost() + ":" + port);
        mqtt.setVersion("3.1.1");
        mqtt.setClientId(arguments[1]);
        mqtt.setCleanSession(false);
        if (url.getUserInfo() != null) {
            mqtt.setUserName(url.getUserInfo());
            mqtt.setPassword(System.getenv().getOrDefault("MQTT_PASSWORD", ""));
        }
        // Connects again by itself whenever the broker has been away.
        BlockingConnection connection = mqtt.blockingConnection();
        connection.connect();
        for (String topic : TOPICS) {
            connection.subscribe(new Topic[] {new Topic(topic, QoS.AT_LEAST_ONCE)});
        }
        Set<String> toldOfBatches = new HashSet<>();
        NOTES.println("subscribed");
        while (true) {
            Message message = connection.receive();
            String[] levels = message.getTopic().split("/");
            String top = "moshao/v1/" + levels[2] + "/" + levels[3];
            for (JsonElement event : events(message)) {
                take(event, top, journal, connection, arguments[1]);
            }
            // Only now: an error before this ends the program, and the events come again.
            message.ack();
            if (batches && toldOfBatches.add(top)) {
                connection.publish(top + "/accepts", "{\"batch\":[\"zstd\"]}".getBytes(UTF_8), QoS.AT_LEAST_ONCE, true);
            }
        }
    }

    /** One event, or those of a batch. */
    private static JsonArray events(Message message) {
        try {
            if (!message.getTopic().endsWith("/batch")) {
                JsonArray one = new JsonArray();
                one.add(JsonParser.parseString(new String(message.getPayload(), UTF_8)));
                return one;
            }
            try (InputStream unpacked = new ZstdInputStream(new ByteArrayInputStream(message.getPayload()))) {
                String array = new String(unpacked.readNBytes(LARGEST_BATCH), UTF_8);
                return JsonParser.parseString(array).getAsJsonArray();
            }
        } catch (java.io.IOException | RuntimeException error) {
            NOTES.println("not an event: " + message.getTopic() + ": " + error);
            return new JsonArray();
        }
    }

    private static void take(JsonElement told, String top, Journal journal, BlockingConnection connection, String user)
            throws Exception {
        JsonObject event;
        String line;
        long number;
        try {
            event = told.getAsJsonObject();
            line = line(event);
            number = Long.parseLong(text(event, "sequence"));
        } catch (RuntimeException error) {
            NOTES.println("not an event: " + top + ": " + error);
            return;
        }
        List<String> notes = journal.take(event, number);
        if (notes == null) {
            NOTES.println("duplicate: " + text(event, "id"));
            return;
        }
        OUT.println(line);
        notes.forEach(NOTES::println);
        if (isToBeAnswered(event)) {
            byte[] answer = GSON.toJson(answer(event, number, user)).getBytes(UTF_8);
            connection.publish(top + "/disposition", answer, QoS.AT_LEAST_ONCE, false);
        }
    }

    private static boolean isToBeAnswered(JsonObject event) {
        String phase = text(event.getAsJsonObject("data"), "phase");
        return (phase.equals("opened") || phase.equals("reopened")) && !text(event, "subject").startsWith("outbox");
    }

    // `seq` orders what the centre says about an incident: the number of the event rises with each of them, and is the
    // same when an event comes twice. Whoever goes on to dispatch or close counts on from there.
    private static JsonObject answer(JsonObject event, long number, String user) {
        JsonObject told = new JsonObject();
        told.addProperty("event_id", text(event, "id"));
        told.addProperty("seq", number);
        told.addProperty("state", "accepted");
        told.addProperty("by", user);
        told.addProperty("at", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        return told;
    }

    private static String line(JsonObject event) {
        JsonObject data = event.getAsJsonObject("data");
        String where = text(data, "category") + "/" + text(data, "level") + " " + text(data, "phase");
        String what = text(data, "code") + " " + text(data, "title") + " " + text(event, "subject");
        return text(event, "time") + " " + where + " " + what + " " + text(event, "id");
    }

    private static String text(JsonObject object, String key) {
        return object.getAsJsonPrimitive(key).getAsString();
    }

    /** Which events have come, kept in a file with a line of JSON an event; the lines of long ago in one a source. */
    private static final class Journal {
        private final Path path;
        /** By source: the latest ids in the order in which they came. */
        private final Map<String, LinkedHashSet<String>> seen = new HashMap<>();
        /** By source: the number after the highest that has come. */
        private final Map<String, Long> next = new HashMap<>();
        /** By source: first and last of the numbers below it that have not. */
        private final Map<String, List<long[]>> holes = new HashMap<>();
        private FileOutputStream file;
        private int lines;

        Journal(Path path) throws Exception {
            this.path = path;
            String before = Files.exists(path) ? Files.readString(path) : "";
            // A line that was cut off by a crash belongs to an event that comes again.
            int whole = before.lastIndexOf('\n') + 1;
            before.substring(0, whole).lines().filter(entry -> !entry.isEmpty()).forEach(this::read);
            file = new FileOutputStream(path.toFile(), true);
            file.getChannel().truncate(before.substring(0, whole).getBytes(UTF_8).length);
            rewriteWhereLong();
        }

        private void read(String line) {
            lines += 1;
            if (!line.startsWith("{")) {
                count(line);
                return;
            }
            Remembered entry = GSON.fromJson(line, Remembered.class);
            seen.put(entry.source, new LinkedHashSet<>(entry.ids));
            next.put(entry.source, entry.next);
            holes.put(entry.source, new ArrayList<>(entry.holes));
        }

        /** Only what is remembered; a crash leaves the old file or the new one. */
        private void rewriteWhereLong() throws Exception {
            if (lines <= GROWTH) {
                return;
            }
            Path whole = Path.of(path + ".new");
            try (FileOutputStream out = new FileOutputStream(whole.toFile())) {
                for (String source : seen.keySet()) {
                    Remembered entry = new Remembered();
                    entry.source = source;
                    entry.next = next.get(source);
                    entry.holes = holes.get(source);
                    entry.ids = new ArrayList<>(seen.get(source));
                    out.write((GSON.toJson(entry) + "\n").getBytes(UTF_8));
                }
                out.getFD().sync();
            }
            Files.move(whole, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            try (FileChannel folder = FileChannel.open(path.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
                folder.force(true);
            }
            file.close();
            file = new FileOutputStream(path.toFile(), true);
            lines = 0;
        }

        /** What there is to say about the event's number; null for one that has come before. On disk when this returns. */
        List<String> take(JsonObject event, long number) throws Exception {
            if (seen.getOrDefault(text(event, "source"), new LinkedHashSet<>()).contains(text(event, "id"))) {
                return null;
            }
            JsonArray entry = new JsonArray();
            entry.add(text(event, "source"));
            entry.add(text(event, "id"));
            entry.add(number);
            entry.add(declaredLost(event));
            file.write((GSON.toJson(entry) + "\n").getBytes(UTF_8));
            file.getFD().sync();
            List<String> notes = count(GSON.toJson(entry));
            lines += 1;
            rewriteWhereLong();
            return notes;
        }

        private List<String> count(String line) {
            JsonArray entry = JsonParser.parseString(line).getAsJsonArray();
            String source = entry.get(0).getAsString();
            long number = entry.get(2).getAsLong();
            LinkedHashSet<String> ids = seen.computeIfAbsent(source, unknown -> new LinkedHashSet<>());
            ids.add(entry.get(1).getAsString());
            if (ids.size() > REMEMBERED) {
                ids.remove(ids.iterator().next());
            }

            List<String> notes = new ArrayList<>();
            // Whoever begins to listen begins to count there.
            long expected = next.getOrDefault(source, number);
            List<long[]> left = holes.getOrDefault(source, new ArrayList<>());
            if (number > expected) {
                left.add(new long[] {expected, number - 1});
                notes.add("gap: " + source + " lacks " + expected + " to " + (number - 1));
            } else if (left.stream().anyMatch(hole -> hole[0] <= number && number <= hole[1])) {
                notes.add("late: " + source + " " + number);
            }
            left = without(left, number, number);
            if (entry.get(3).isJsonArray()) {
                JsonArray lost = entry.get(3).getAsJsonArray();
                long first = lost.get(0).getAsLong();
                long last = lost.get(1).getAsLong();
                notes.add("lost: " + source + " declares " + first + " to " + last);
                left = without(left, first, last);
            }
            next.put(source, Math.max(expected, number + 1));
            holes.put(source, left);
            return notes;
        }

        /** The holes with these numbers filled. */
        private static List<long[]> without(List<long[]> holes, long first, long last) {
            List<long[]> left = new ArrayList<>();
            for (long[] hole : holes) {
                long[][] rest = {
                    {hole[0], Math.min(hole[1], first - 1)},
                    {Math.max(hole[0], last + 1), hole[1]},
                };
                for (long[] part : rest) {
                    if (part[0] <= part[1]) {
                        left.add(part);
                    }
                }
            }
            return left;
        }

        /** First and last number that the box will not send; null for an event that declares no gap. */
        private static JsonArray declaredLost(JsonObject event) {
            String subject = text(event, "subject");
            String code = text(event.getAsJsonObject("data"), "code");
            if (!code.equals("OUTBOX_GAP") || !subject.matches("outbox/[0-9]+-[0-9]+")) {
                return null;
            }
            JsonArray lost = new JsonArray();
            for (String number : subject.substring("outbox/".length()).split("-")) {
                lost.add(Long.parseLong(number));
            }
            return lost;
        }
    }

    /** A line of the journal for all that came of one source. */
    private static final class Remembered {
        String source;
        long next;
        List<long[]> holes;
        List<String> ids;
    }
}
