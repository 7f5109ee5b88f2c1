package altertable.conformance;

import altertable.conformance.Doors.Arrivals;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import java.io.ByteArrayInputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightInfo;
import org.apache.arrow.flight.SchemaResult;
import org.apache.arrow.flight.impl.Flight;
import org.apache.arrow.flight.sql.FlightSqlClient.ExecuteIngestOptions;
import org.apache.arrow.flight.sql.FlightSqlClient.Transaction;
import org.apache.arrow.flight.sql.impl.FlightSql;
import org.apache.arrow.flight.sql.impl.FlightSql.CommandStatementIngest.TableDefinitionOptions;
import org.apache.arrow.vector.ipc.ArrowStreamReader;

/**
 * What the {@code flight.} verbs do: through FlightSqlClient, or with Flight SQL's messages where that client hides what the
 * spec speaks of, as the handles of prepared statements.
 */
record FlightVerbs(FlightDoor door, Map<String, byte[]> prepared) {
  private static final List<String> CANCEL = List.of("UNSPECIFIED", "CANCELLED", "CANCELLING", "NOT_CANCELLABLE");
  private static final Map<String, List<Integer>> MODES =
      Map.of("create", List.of(1, 1), "append", List.of(2, 2), "create_append", List.of(1, 2), "replace", List.of(1, 3));

  /** Carries out a step. */
  Map<String, Object> run(String verb, Object argument, Map<String, Object> step, Arrivals arrivals) throws Exception {
    var text = argument instanceof String string ? string : "";
    return switch (verb) {
      case "query" -> {
        var outcome = door.info(() -> info(argument, step));
        yield door.fetch((String) Data.at(outcome, "/info/ticket"), outcome, arrivals);
      }
      case "info" -> door.info(() -> info(argument, step));
      case "poll" -> door.poll(argument instanceof String sql
          ? packed("CommandStatementQuery", Map.of("query", sql))
          : command(Data.asMap(argument), "CommandPreparedStatementQuery"));
      case "schema" -> door.schema(() -> schema(argument, step));
      case "fetch" -> door.fetch(text, Data.map(), arrivals);
      case "update" -> Data.map("count", Data.number(update(argument, step)));
      case "ingest" -> Data.map("count", Data.number(ingest(Data.asMap(argument), step)));
      case "prepare" -> prepare(text, step);
      case "bind" -> bind(text, step);
      case "close" -> counted("ClosePreparedStatement",
          packed("ActionClosePreparedStatementRequest", Map.of("prepared_statement_handle", handle(text))));
      case "actions" -> door.actions();
      default -> act(verb, text, Data.asMap(argument), step);
    };
  }

  /** The handle of a prepared statement; a name that was never prepared is sent itself. */
  private ByteString handle(String name) {
    return prepared.containsKey(name) ? ByteString.copyFrom(prepared.get(name)) : ByteString.copyFromUtf8(name);
  }

  private static Transaction transaction(Map<String, Object> step) {
    return step.containsKey("transaction") ? new Transaction(FlightDoor.decode((String) step.get("transaction"))) : null;
  }

  private FlightInfo info(Object argument, Map<String, Object> step) {
    return argument instanceof String sql
        ? door.sql.execute(sql, transaction(step))
        : door.client.getInfo(FlightDescriptor.command(command(Data.asMap(argument), "CommandPreparedStatementQuery")));
  }

  private SchemaResult schema(Object argument, Map<String, Object> step) {
    return argument instanceof String sql
        ? door.sql.getExecuteSchema(sql, transaction(step))
        : door.client.getSchema(FlightDescriptor.command(command(Data.asMap(argument), "CommandPreparedStatementQuery")));
  }

  private long update(Object argument, Map<String, Object> step) throws Exception {
    if (argument instanceof String sql) {
      return door.call("DoPut", Data.map(), () -> door.sql.executeUpdate(sql, transaction(step)));
    }
    var results = door.put(command(Data.asMap(argument), "CommandPreparedStatementUpdate"), Upload.of(step));
    return FlightSql.DoPutUpdateResult.parseFrom(one(results)).getRecordCount();
  }

  /** The command of a step that names no SQL; {@code statement} is what a prepared one becomes. */
  private byte[] command(Map<String, Object> argument, String statement) {
    var named = argument.entrySet().iterator().next();
    var fields = Data.asMap(named.getValue());
    return switch (named.getKey()) {
      case "prepared" -> packed(statement, Map.of("prepared_statement_handle", handle((String) named.getValue())));
      case "base64" -> FlightDoor.decode((String) named.getValue());
      case "any" -> Any.newBuilder().setTypeUrl((String) fields.getOrDefault("type_url", ""))
          .setValue(ByteString.copyFrom(FlightDoor.decode((String) fields.getOrDefault("base64", "")))).build().toByteArray();
      default -> packed("Command" + named.getKey(), fields);
    };
  }

  /** A Flight SQL message by its name and fields, inside an Any. */
  private static byte[] packed(String message, Map<String, ?> fields) {
    var type = FlightSql.getDescriptor().findMessageTypeByName(message);
    var made = DynamicMessage.newBuilder(type);
    fields.forEach((name, value) -> {
      var field = type.findFieldByName(name);
      if (field.isRepeated()) {
        Data.asList(value).forEach(item -> made.addRepeatedField(field, member(field, item)));
      } else {
        made.setField(field, member(field, value));
      }
    });
    return Any.pack(made.build()).toByteArray();
  }

  private static Object member(FieldDescriptor field, Object value) {
    return switch (field.getJavaType()) {
      case INT -> Data.asInt(value);
      case ENUM -> field.getEnumType().findValueByNumberCreatingIfUnknown(Data.asInt(value));
      default -> value;
    };
  }

  private long ingest(Map<String, Object> fields, Map<String, Object> step) throws Exception {
    if (step.containsKey("break_after")) {
      throw new Unsupported("breaks an upload off, which Arrow's Flight SQL client does not offer");
    }
    var mode = MODES.getOrDefault(fields.getOrDefault("mode", ""), List.of(0, 0));
    var definition = TableDefinitionOptions.newBuilder()
        .setIfNotExistValue(Data.asInt(fields.getOrDefault("if_not_exist", mode.get(0))))
        .setIfExistsValue(Data.asInt(fields.getOrDefault("if_exists", mode.get(1)))).build();
    var options = new HashMap<String, String>();
    Data.asMap(fields.get("options")).forEach((key, value) -> options.put(key, (String) value));
    var ingest = new ExecuteIngestOptions((String) fields.getOrDefault("table", ""), definition, Boolean.TRUE.equals(fields.get("temporary")),
        (String) fields.get("catalog"), (String) fields.get("schema"), options);
    var stream = new ByteArrayInputStream(Upload.of(step).bytes(door.allocator, false));
    return door.call("DoPut", Data.map(), () -> {
      try (var reader = new ArrowStreamReader(stream, door.allocator)) {
        return door.sql.executeIngest(reader, ingest, transaction(step));
      }
    });
  }

  private Map<String, Object> prepare(String sql, Map<String, Object> step) throws Exception {
    var request = FlightSql.ActionCreatePreparedStatementRequest.newBuilder().setQuery(sql);
    if (step.containsKey("transaction")) {
      request.setTransactionId(ByteString.copyFrom(transaction(step).getTransactionId()));
    }
    var results = door.act("CreatePreparedStatement", Any.pack(request.build()).toByteArray());
    var result = FlightSql.ActionCreatePreparedStatementResult.parseFrom(unpacked(results));
    prepared.put((String) step.getOrDefault("as", "main"), result.getPreparedStatementHandle().toByteArray());
    var schema = FlightDoor.schema(result.getDatasetSchema());
    // The generated class is older than this field.
    var update = result.getUnknownFields().getField(4).getVarintList();
    return Data.map("schema", Notation.schema(schema), "metadata", Notation.metadata(schema),
        "parameters", Notation.schema(FlightDoor.schema(result.getParameterSchema())), "is_update", update.isEmpty() ? null : update.get(0) == 1);
  }

  private Map<String, Object> bind(String name, Map<String, Object> step) throws Exception {
    var command = packed("CommandPreparedStatementQuery", Map.of("prepared_statement_handle", handle(name)));
    var result = FlightSql.DoPutPreparedStatementResult.parseFrom(one(door.put(command, Upload.of(step))));
    return Data.map("same_handle", result.getPreparedStatementHandle().equals(handle(name)));
  }

  private Map<String, Object> act(String verb, String text, Map<String, Object> fields, Map<String, Object> step) throws Exception {
    return switch (verb) {
      case "begin" -> Data.map("transaction",
          FlightDoor.encode(door.call("DoAction", Data.map(), () -> door.sql.beginTransaction()).getTransactionId()));
      case "end" -> {
        var word = Data.asText(fields.get("action"));
        var action = word.equals("commit") ? "1" : word.equals("rollback") ? "2" : word;
        var id = ByteString.copyFrom(FlightDoor.decode((String) fields.get("transaction")));
        yield counted("EndTransaction", packed("ActionEndTransactionRequest", Map.of("transaction_id", id, "action", action)));
      }
      case "set" -> set(fields, (String) step.get("wrapped"));
      case "get" -> {
        var result = Flight.GetSessionOptionsResult.parseFrom(one(door.act("GetSessionOptions", new byte[0])));
        var options = Data.map();
        result.getSessionOptionsMap().forEach((key, option) -> options.put(key, shown(option)));
        yield Data.map("options", options);
      }
      case "close_session" -> {
        var result = Flight.CloseSessionResult.parseFrom(one(door.act("CloseSession", new byte[0])));
        yield Data.map("result", result.getStatus().name());
      }
      case "cancel" -> Data.map("result", CANCEL.get("CancelQuery".equals(step.get("via")) ? cancelQuery(text) : cancel(text)));
      case "action" -> {
        var results = door.act((String) fields.get("type"), FlightDoor.decode((String) fields.getOrDefault("base64", "")));
        yield Data.map("results", Data.list(results.stream().map(FlightDoor::encode).toList()));
      }
      default -> throw new Unsupported("uses flight." + verb + ", which Arrow's Flight client does not offer");
    };
  }

  private Map<String, Object> counted(String kind, byte[] request) throws Exception {
    return Data.map("results", Data.number(door.act(kind, request).size()));
  }

  private static Flight.FlightInfo running(String ticket) {
    var bytes = Flight.Ticket.newBuilder().setTicket(ByteString.copyFrom(FlightDoor.decode(ticket)));
    return Flight.FlightInfo.newBuilder().addEndpoint(Flight.FlightEndpoint.newBuilder().setTicket(bytes)).build();
  }

  private int cancel(String ticket) throws Exception {
    var request = Flight.CancelFlightInfoRequest.newBuilder().setInfo(running(ticket)).build();
    return Flight.CancelFlightInfoResult.parseFrom(one(door.act("CancelFlightInfo", request.toByteArray()))).getStatusValue();
  }

  /** CancelQuery is deprecated in Flight SQL, and part of the contract (FC-2). */
  @SuppressWarnings("deprecation")
  private int cancelQuery(String ticket) throws Exception {
    var results = door.act("CancelQuery", packed("ActionCancelQueryRequest", Map.of("info", running(ticket).toByteString())));
    return FlightSql.ActionCancelQueryResult.parseFrom(unpacked(results)).getResultValue();
  }

  private Map<String, Object> set(Map<String, Object> fields, String wrapped) throws Exception {
    var request = Flight.SetSessionOptionsRequest.newBuilder();
    fields.forEach((key, value) -> request.putSessionOptions(key, option(value)));
    var body = request.build().toByteString();
    var sent = wrapped == null ? body : Any.newBuilder().setTypeUrl(wrapped).setValue(body).build().toByteString();
    var result = Flight.SetSessionOptionsResult.parseFrom(one(door.act("SetSessionOptions", sent.toByteArray())));
    var errors = Data.map();
    result.getErrorsMap().forEach((key, error) -> errors.put(key, error.getValue().name()));
    return Data.map("errors", errors);
  }

  private static Flight.SessionOptionValue option(Object value) {
    var option = Flight.SessionOptionValue.newBuilder();
    if (value instanceof String text) {
      option.setStringValue(text);
    } else if (value instanceof Boolean truth) {
      option.setBoolValue(truth);
    } else if (value instanceof Number number) {
      option.setInt64Value(number.longValue());
    } else if (value instanceof List) {
      option.setStringListValue(Flight.SessionOptionValue.StringListValue.newBuilder().addAllValues(Data.texts(value)));
    } else if (value != null) {
      option.setDoubleValue(Double.parseDouble((String) Data.asMap(value).get("$double")));
    }
    return option.build();
  }

  private static Object shown(Flight.SessionOptionValue option) {
    return switch (option.getOptionValueCase()) {
      case STRING_VALUE -> option.getStringValue();
      case BOOL_VALUE -> option.getBoolValue();
      case INT64_VALUE -> Data.number(option.getInt64Value());
      case DOUBLE_VALUE -> Data.from(option.getDoubleValue());
      default -> null;
    };
  }

  private static byte[] one(List<byte[]> results) {
    if (results.size() != 1) {
      throw new AssertionError(results.size() + " results instead of one");
    }
    return results.get(0);
  }

  /** The single result of an action, out of its Any. */
  private static ByteString unpacked(List<byte[]> results) throws InvalidProtocolBufferException {
    return Any.parseFrom(one(results)).getValue();
  }
}
