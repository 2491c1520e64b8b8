//! The executable schema of a plan.
//!
//! Invariant: queries are the safe operations, mutations all others, subscriptions those that stream; none is in two.

use std::sync::Arc;

use async_graphql::Value as Given;
use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, FieldValue, InputObject, InputValue, Interface, InterfaceField, Object, Scalar,
    Schema, SchemaBuilder, SchemaError, Subscription, Type, TypeRef, Union,
};

use super::connection::{Connection, Edge};
use super::inputs::Argument;
use super::names;
use super::plan::{Answered, Called, Plan, list_of};
use super::resolve::{self, row};
use super::subscribe;
use super::types::{FieldPlan, JSON, LONG, NODE, ObjectPlan, Shape, non_null};

/// The most directives on one field.
const MOST_DIRECTIVES: usize = 8;

/// Builds the schema.
///
/// # Errors
/// Two types of the catalogue have one name in GraphQL.
pub(super) fn schema(plan: &Arc<Plan>, introspection: bool) -> Result<Schema, SchemaError> {
    let mut query = Object::new("Query").description("What changes nothing.");
    let mut mutation = Object::new("Mutation").description("What changes something, one after the other.");
    let mut subscription = Subscription::new("Subscription").description("What goes on.");
    let mut has_mutations = false;
    for (name, called) in &plan.operations {
        let facts = &called.entry.declaration.facts;
        if facts.streaming {
            subscription = subscription.field(subscribe::operation(plan, name, called));
        } else if facts.safe {
            query = query.field(operation(plan, name, called));
        } else {
            has_mutations = true;
            mutation = mutation.field(operation(plan, name, called));
        }
    }
    subscription = subscription.field(subscribe::events(plan));
    query = query.field(node(plan)).field(nodes(plan));
    let mut builder = Schema::build("Query", has_mutations.then_some("Mutation"), Some("Subscription"));
    if !introspection {
        builder = builder.disable_introspection().disable_suggestions();
    }
    if has_mutations {
        builder = builder.register(mutation);
    }
    // How deep it may be was looked at before; fragments count as depth here.
    let deepest = 128;
    builder = builder.limit_recursive_depth(deepest).limit_directives(MOST_DIRECTIVES);
    builder = builder.register(query).register(subscription);
    types(plan, builder).finish()
}

fn types(plan: &Arc<Plan>, mut builder: SchemaBuilder) -> SchemaBuilder {
    for ty in own(plan) {
        builder = builder.register(ty);
    }
    for (name, object) in &plan.types.objects {
        builder = builder.register(self::object(plan, name, object));
    }
    for (name, union) in &plan.types.unions {
        let registered = Union::new(name).description(&union.description);
        let members = union.members.iter();
        builder = builder.register(members.fold(registered, |union, member| union.possible_type(member)));
    }
    for (name, choice) in &plan.types.enums {
        let items = choice.words.iter().map(|(_, name)| EnumItem::new(name));
        builder = builder.register(Enum::new(name).description(&choice.description).items(items));
    }
    for input in plan.inputs.types() {
        builder = builder.register(input);
    }
    for (_, called) in &plan.operations {
        if let Answered::Page(name, node, shape) = &called.answered {
            let edge = name.replace("Connection", "Edge");
            builder = builder
                .register(connection(name, &edge, node, shape))
                .register(self::edge(&edge, node, shape));
        }
    }
    builder
}

/// The types that are the surface's own.
fn own(plan: &Plan) -> Vec<Type> {
    let is_whole = |given: &Given| matches!(given, Given::Number(number) if number.is_i64() || number.is_u64());
    let text = |name: &str| InputValue::new(name, TypeRef::named(TypeRef::STRING));
    let mut own: Vec<Type> = vec![
        Scalar::new(LONG)
            .description("A whole number of at most 64 bits, as a number of JSON.")
            .validator(is_whole)
            .into(),
        Scalar::new(JSON)
            .description("Whatever JSON holds. What stands in it is written as REST has it.")
            .into(),
        Interface::new(NODE)
            .description("What can be got by its id alone.")
            .field(InterfaceField::new("id", TypeRef::named_nn(TypeRef::ID)))
            .into(),
        InputObject::new("FileInput")
            .description("A file; its bytes as `base64` or as `text`.")
            .field(text("base64"))
            .field(text("text"))
            .field(text("mediaType"))
            .field(text("name"))
            .into(),
        plain_object(
            "PageInfo",
            "Where a page stands in its list.",
            &[
                ("has_next_page", TypeRef::named_nn(TypeRef::BOOLEAN)),
                ("has_previous_page", TypeRef::named_nn(TypeRef::BOOLEAN)),
                ("start_cursor", TypeRef::named(TypeRef::STRING)),
                ("end_cursor", TypeRef::named(TypeRef::STRING)),
            ],
        )
        .into(),
        plain_object(
            "FileContent",
            "A file's bytes.",
            &[
                ("media_type", TypeRef::named_nn(TypeRef::STRING)),
                ("name", TypeRef::named(TypeRef::STRING)),
                ("size", TypeRef::named_nn(LONG)),
                ("base64", TypeRef::named_nn(TypeRef::STRING)),
            ],
        )
        .into(),
        plain_object(
            "FeedGap",
            "Events that were forgotten before they could be told.",
            &[("after", TypeRef::named_nn(LONG)), ("oldest", TypeRef::named_nn(LONG))],
        )
        .into(),
    ];
    own.push(
        Union::new("FeedItem")
            .description("An event, or that some were missed.")
            .possible_type(plan.event.0.type_name())
            .possible_type("FeedGap")
            .into(),
    );
    own
}

fn plain_object(name: &str, description: &str, fields: &[(&str, TypeRef)]) -> Object {
    let object = Object::new(name).description(description);
    let fields = fields.iter().map(|(key, ty)| FieldPlan {
        name: names::field(key),
        key: (*key).to_owned(),
        ty: ty.clone(),
        shape: Shape::Plain,
        description: String::new(),
    });
    fields.fold(object, |object, plan| object.field(field(plan)))
}

fn object(plan: &Arc<Plan>, name: &str, object: &ObjectPlan) -> Object {
    let mut registered = Object::new(name).description(&object.description);
    if object.is_node {
        registered = registered.implement(NODE);
    }
    for plan in &object.fields {
        registered = registered.field(field(plan.clone()));
    }
    for related in plan.related.get(name).into_iter().flatten() {
        let ty = match (&related.among, &related.called.answered) {
            (None, answered) => ty_of(answered),
            (Some(among), Answered::Page(_, ty, _)) if is_list(object, among.by) => {
                TypeRef::List(Box::new(non_null(ty.clone())))
            }
            (Some(_), Answered::Page(_, ty, _)) => ty.clone(),
            (Some(_), answered) => ty_of(answered),
        };
        let (shared, own) = (plan.clone(), related.clone());
        let field = Field::new(&related.name, ty, move |ctx| {
            resolve::related(shared.clone(), own.clone(), ctx)
        });
        let is_free = |argument: &&Argument| !related.takes.iter().any(|(input, _)| *input == argument.key);
        let is_walked =
            |argument: &&Argument| related.among.is_none() || related.called.entry.field(&argument.key).is_none();
        let arguments = related.called.arguments.iter().filter(is_free).filter(is_walked);
        let field = arguments.fold(field, |field, argument| field.argument(argument.value()));
        registered = registered.field(field.description(related.called.entry.declaration.summary));
    }
    registered
}

/// Whether a field, by its pointer, holds several.
fn is_list(object: &ObjectPlan, pointer: &str) -> bool {
    let field = object
        .fields
        .iter()
        .find(|field| pointer.strip_prefix('/') == Some(&field.key));
    field.is_some_and(|field| matches!(field.shape, Shape::List(_)))
}

fn field(plan: FieldPlan) -> Field {
    let FieldPlan {
        name,
        key,
        ty,
        shape,
        description,
    } = plan;
    let field = Field::new(name, ty, move |ctx| {
        FieldFuture::Value(row(ctx.parent_value).and_then(|row| resolve::value(row.get(&key), &shape)))
    });
    match description.is_empty() {
        true => field,
        false => field.description(description),
    }
}

fn ty_of(answered: &Answered) -> TypeRef {
    match answered {
        Answered::Value(ty, _) => ty.clone(),
        Answered::Page(name, ..) => TypeRef::named(name),
        Answered::File => TypeRef::named("FileContent"),
    }
}

fn operation(plan: &Arc<Plan>, name: &str, called: &Arc<Called>) -> Field {
    let (plan, own) = (plan.clone(), called.clone());
    let field = Field::new(name, ty_of(&called.answered), move |ctx| {
        resolve::operation(plan.clone(), own.clone(), ctx)
    });
    let arguments = called.arguments.iter();
    let field = arguments.fold(field, |field, argument| field.argument(argument.value()));
    field.description(format!(
        "{}: {}.",
        called.entry.name(),
        called.entry.declaration.summary
    ))
}

fn connection(name: &str, edge: &str, node: &TypeRef, shape: &Shape) -> Object {
    let told = |name: &str, key: &'static str, ty: TypeRef, otherwise: Option<Given>, shape: Shape| {
        Field::new(name, ty, move |ctx| {
            let told = ctx.parent_value.downcast_ref::<Connection>().map(Connection::told);
            let value = told.and_then(|page| resolve::value(page.get(key), &shape));
            FieldFuture::Value(value.or_else(|| otherwise.clone().map(FieldValue::value)))
        })
    };
    let node_shape = shape.clone();
    let errors = Shape::List(Box::new(Shape::Object));
    Object::new(name)
        .description("A page of a list.")
        .field(Field::new("edges", list_of(TypeRef::named(edge)), |ctx| {
            let connection = ctx.parent_value.downcast_ref::<Connection>();
            let edges = connection.into_iter().flat_map(Connection::edges);
            FieldFuture::Value(Some(FieldValue::list(edges.map(FieldValue::owned_any))))
        }))
        .field(Field::new("nodes", list_of(node.clone()), move |ctx| {
            let connection = ctx.parent_value.downcast_ref::<Connection>();
            let nodes = connection.into_iter().flat_map(Connection::nodes);
            let values = nodes.filter_map(|node| resolve::value(Some(node), &node_shape));
            FieldFuture::Value(Some(FieldValue::list(values)))
        }))
        .field(Field::new("pageInfo", TypeRef::named_nn("PageInfo"), |ctx| {
            let connection = ctx.parent_value.downcast_ref::<Connection>();
            FieldFuture::Value(connection.map(|connection| FieldValue::owned_any(Arc::new(connection.page_info()))))
        }))
        .field(
            told("totalCount", "total", TypeRef::named(LONG), None, Shape::Plain)
                .description("The rows in all pages, where the provider tells."),
        )
        .field(
            told(
                "incomplete",
                "incomplete",
                TypeRef::named_nn(TypeRef::BOOLEAN),
                Some(Given::from(false)),
                Shape::Plain,
            )
            .description("There are more rows than the provider gives, and no way to be given them."),
        )
        .field(
            told(
                "errors",
                "errors",
                list_of(TypeRef::named("PartialError")),
                Some(Given::List(vec![])),
                errors,
            )
            .description("With `provider: \"all\"`: the instances that failed, and why."),
        )
}

fn edge(name: &str, node: &TypeRef, shape: &Shape) -> Object {
    let shape = shape.clone();
    Object::new(name)
        .description("A row of a list.")
        .field(Field::new("node", non_null(node.clone()), move |ctx| {
            let edge = ctx.parent_value.downcast_ref::<Edge>();
            FieldFuture::Value(edge.and_then(|edge| resolve::value(Some(edge.node()), &shape)))
        }))
        .field(
            Field::new("cursor", TypeRef::named_nn(TypeRef::STRING), |ctx| {
                let edge = ctx.parent_value.downcast_ref::<Edge>();
                FieldFuture::Value(edge.map(|edge| FieldValue::value(edge.cursor.as_str())))
            })
            .description("`after: …` goes on behind it."),
        )
        .field(
            Field::new("provider", TypeRef::named(TypeRef::STRING), |ctx| {
                let edge = ctx.parent_value.downcast_ref::<Edge>();
                FieldFuture::Value(edge.and_then(|edge| resolve::value(edge.node().get("provider"), &Shape::Plain)))
            })
            .description("With `provider: \"all\"`: the instance that the row is of."),
        )
}

fn node(plan: &Arc<Plan>) -> Field {
    let plan = plan.clone();
    Field::new("node", TypeRef::named(NODE), move |ctx| {
        let plan = plan.clone();
        FieldFuture::new(async move {
            let id = ctx.args.try_get("id")?;
            let node = resolve::node(&plan, ctx.ctx, id.string()?).await;
            Ok(node.map_or_else(|failure| resolve::report(ctx.ctx, failure), Some))
        })
    })
    .argument(InputValue::new("id", TypeRef::named_nn(TypeRef::ID)))
    .description("What an id names, of whatever type.")
}

fn nodes(plan: &Arc<Plan>) -> Field {
    let plan = plan.clone();
    Field::new("nodes", list_of(TypeRef::named(NODE)), move |ctx| {
        let plan = plan.clone();
        FieldFuture::new(async move {
            let ids = ctx.args.try_get("ids")?;
            let ids = ids.list()?;
            let ids = ids.iter().map(|id| Ok(id.string()?.to_owned()));
            let ids = ids.collect::<async_graphql::Result<Vec<String>>>()?;
            let asked = ids.iter().map(|id| resolve::node(&plan, ctx.ctx, id));
            let nodes = futures_util::future::join_all(asked).await;
            let told = nodes.into_iter();
            let told = told.filter_map(|node| node.map_or_else(|failure| resolve::report(ctx.ctx, failure), Some));
            Ok(Some(FieldValue::list(told)))
        })
    })
    .argument(InputValue::new("ids", list_of(TypeRef::named(TypeRef::ID))))
    .description("What ids name, in their order; of one that names nothing, an error tells.")
}
