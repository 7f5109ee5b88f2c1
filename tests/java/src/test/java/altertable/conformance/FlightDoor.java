package altertable.conformance;

import altertable.conformance.Doors.Arrivals;
import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.NegotiationType;
import io.grpc.netty.NettyChannelBuilder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.arrow.flight.Action;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightGrpcUtils;
import org.apache.arrow.flight.FlightInfo;
import org.apache.arrow.flight.FlightRuntimeException;
import org.apache.arrow.flight.SchemaResult;
import org.apache.arrow.flight.SyncPutListener;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.flight.sql.FlightSqlClient;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ReadChannel;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.UnionMode;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/** A Flight connection: calls, one at a time, and their answers as outcomes. */
final class FlightDoor implements AutoCloseable {
  /** A call that ended with another status than OK. */
  static final class Failed extends Exception {
    private static final long serialVersionUID = 1;
    final transient Map<String, Object> outcome;

    Failed(Map<String, Object> soFar, Status status, String rpc) {
      super(status.toString());
      outcome = soFar;
      outcome.put("status", status.getCode().name());
      outcome.put("message", status.getDescription() == null ? "" : status.getDescription());
      outcome.put("at", rpc);
    }
  }

  final BufferAllocator allocator;
  final FlightClient client;
  final FlightSqlClient sql;
  private final ManagedChannel channel;
  private volatile Metadata metadata = new Metadata();
  private volatile Metadata headers = new Metadata();
  private volatile Status last = Status.OK;

  FlightDoor(BufferAllocator parent, Target.Server server) {
    allocator = parent.newChildAllocator("flight", 0, Long.MAX_VALUE);
    channel = NettyChannelBuilder.forTarget(server.flight().getAuthority()).maxInboundMessageSize(Integer.MAX_VALUE)
        .flowControlWindow(1 << 20).negotiationType(server.encryptsFlight() ? NegotiationType.TLS : NegotiationType.PLAINTEXT)
        .intercept(new Recorder()).build();
    client = FlightGrpcUtils.createFlightClient(allocator, channel);
    sql = new FlightSqlClient(client);
  }

  /** The metadata of the calls that follow. */
  void use(Map<String, String> given) {
    var made = new Metadata();
    given.forEach((name, value) -> made.put(key(name), value));
    metadata = made;
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** Adds the metadata, and keeps the status and headers as they came: Flight's errors know fewer codes than gRPC. */
  private final class Recorder implements ClientInterceptor {
    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
      return new SimpleForwardingClientCall<Q, A>(next.newCall(method, options)) {
        @Override
        public void start(Listener<A> listener, Metadata sent) {
          sent.merge(metadata);
          super.start(new SimpleForwardingClientCallListener<A>(listener) {
            @Override
            public void onHeaders(Metadata received) {
              headers = received;
              super.onHeaders(received);
            }

            @Override
            public void onClose(Status status, Metadata trailers) {
              last = status;
              super.onClose(status, trailers);
            }
          }, sent);
        }
      };
    }
  }

  /** Makes a call; if it fails, the outcome so far holds its status and which RPC it was. */
  <T> T call(String rpc, Map<String, Object> soFar, Callable<T> body) throws Exception {
    last = Status.OK;
    try {
      return body.call();
    } catch (FlightRuntimeException | ExecutionException fault) {
      throw new Failed(soFar, last.isOk() ? Status.UNKNOWN.withDescription(fault.getMessage()) : last, rpc);
    }
  }

  static byte[] decode(String text) {
    return Base64.getDecoder().decode(text);
  }

  static String encode(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  /** Reads an encapsulated schema; there may be none. */
  static Schema schema(ByteString bytes) throws IOException {
    var channel = Channels.newChannel(new ByteArrayInputStream(bytes.toByteArray()));
    return bytes.isEmpty() ? new Schema(List.of()) : MessageSerializer.deserializeSchema(new ReadChannel(channel));
  }

  private static Map<String, Object> shown(Schema schema) {
    return Data.map("schema", Notation.schema(schema), "metadata", Notation.metadata(schema));
  }

  Map<String, Object> info(Callable<FlightInfo> call) throws Exception {
    var info = shown(call("GetFlightInfo", Data.map(), call));
    var seen = Data.map();
    headers.keys().stream().filter(name -> !name.endsWith("-bin")).forEach(name -> seen.put(name, headers.get(key(name))));
    return Data.map("info", info, "headers", seen);
  }

  private static Map<String, Object> shown(FlightInfo info) {
    var shown = shown(info.getSchemaOptional().orElse(new Schema(List.of())));
    var places = new ArrayList<>();
    info.getEndpoints().forEach(end -> places.add(Data.list(end.getLocations().stream().map(place -> place.getUri().toString()).toList())));
    shown.putAll(Data.map("records", Data.number(info.getRecords()), "bytes", Data.number(info.getBytes()), "locations", places,
        "ticket", encode(info.getEndpoints().get(0).getTicket().getBytes()), "descriptor", encode(info.getDescriptor().getCommand())));
    return shown;
  }

  Map<String, Object> poll(byte[] command) throws Exception {
    var poll = call("PollFlightInfo", Data.map(), () -> client.pollInfo(FlightDescriptor.command(command)));
    return Data.map("info", shown(poll.getFlightInfo()), "progress", Data.from(poll.getProgress().orElse(null)),
        "descriptor", poll.getFlightDescriptor().map(next -> encode(next.getCommand())).orElse(null));
  }

  /** Reads a ticket's stream into an outcome. */
  Map<String, Object> fetch(String ticket, Map<String, Object> outcome, Arrivals arrivals) throws Exception {
    return call("DoGet", outcome, () -> {
      try (var stream = client.getStream(new Ticket(decode(ticket)))) {
        var rows = new ArrayList<>();
        if (stream.getSchema().getFields().stream().anyMatch(FlightDoor::hasListInSparseUnion)) {
          throw new Unsupported("Arrow's Java library reads no lists inside sparse unions");
        }
        outcome.putAll(shown(stream.getSchema()));
        outcome.put("columns", Data.list(stream.getSchema().getFields().stream().map(field -> field.getName()).toList()));
        outcome.putAll(Data.map("rows", rows, "row_count", Data.number(0), "batches", Data.number(0)));
        for (int batches = 1; stream.next(); batches++) {
          rows.addAll(rows(stream.getRoot()));
          outcome.putAll(Data.map("row_count", Data.number(rows.size()), "batches", Data.number(batches)));
          arrivals.pass(batches, () -> outcome);
        }
        return outcome;
      }
    });
  }

  private static boolean hasListInSparseUnion(Field field) {
    boolean sparse = field.getType() instanceof ArrowType.Union union && union.getMode() == UnionMode.Sparse;
    return field.getChildren().stream().anyMatch(child -> sparse && child.getType() instanceof ArrowType.List || hasListInSparseUnion(child));
  }

  /** Opens the encapsulated schemas that GetTables returns. */
  private static List<Object> rows(VectorSchemaRoot root) throws IOException {
    var rows = Values.rows(root);
    if (root.getVector("table_schema") instanceof VarBinaryVector bytes) {
      int column = root.getFieldVectors().indexOf(bytes);
      for (int i = 0; i < rows.size(); i++) {
        Data.asList(rows.get(i)).set(column, shown(schema(ByteString.copyFrom(bytes.get(i)))));
      }
    }
    return rows;
  }

  Map<String, Object> schema(Callable<SchemaResult> call) throws Exception {
    return shown(call("GetSchema", Data.map(), call).getSchema());
  }

  /** The bodies of an action's results. */
  List<byte[]> act(String kind, byte[] body) throws Exception {
    return call("DoAction", Data.map(), () -> {
      var results = new ArrayList<byte[]>();
      client.doAction(new Action(kind, body)).forEachRemaining(result -> results.add(result.getBody()));
      return results;
    });
  }

  Map<String, Object> actions() throws Exception {
    return call("ListActions", Data.map(), () -> {
      var names = new ArrayList<>();
      client.listActions().forEach(action -> names.add(action.getType()));
      return Data.map("actions", names);
    });
  }

  /** A DoPut of one batch; the metadata of its results. */
  List<byte[]> put(byte[] command, Upload data) throws Exception {
    return call("DoPut", Data.map(), () -> {
      try (var root = data.whole(allocator); var results = new SyncPutListener()) {
        var stream = client.startPut(FlightDescriptor.command(command), root, results);
        if (root.getRowCount() > 0) {
          stream.putNext();
        }
        stream.completed();
        var all = new ArrayList<byte[]>();
        for (var result = results.read(); result != null; result = results.read()) {
          var bytes = new byte[(int) result.getApplicationMetadata().readableBytes()];
          result.getApplicationMetadata().getBytes(0, bytes);
          result.close();
          all.add(bytes);
        }
        return all;
      }
    });
  }

  /** The token of a new session. */
  String token(Account account) throws Exception {
    use(Map.of());
    call("Handshake", Data.map(), () -> client.authenticateBasicToken(account.user(), account.password()));
    return headers.get(key("authorization")).replaceFirst("^Bearer ", "");
  }

  /** Ends whatever runs; what a stream that was hung up on had in flight stays allocated until the process ends. */
  @Override
  public void close() throws InterruptedException {
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
  }
}
